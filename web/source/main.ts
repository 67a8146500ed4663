/** The source page. */
console.log("source");
