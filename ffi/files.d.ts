/** What `import path from "x.so" with { type: "file" }` gives: where the file lies, or its name inside the executable. */
declare module "*.so" {
  const path: string;
  export default path;
}
/** What `with { type: "text" }` gives: the text of a file that is no module. */
declare module "*.c" {
  const text: string;
  export default text;
}
declare module "*.h" {
  const text: string;
  export default text;
}
declare module "*.md" {
  const text: string;
  export default text;
}
declare module "*.mk" {
  const text: string;
  export default text;
}
