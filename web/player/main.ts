/** The player page. */
console.log("player");
