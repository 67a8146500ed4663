/** What `import path from "x.so" with { type: "file" }` gives: where the file lies, or its name inside the executable. */
declare module "*.so" {
  const path: string;
  export default path;
}
