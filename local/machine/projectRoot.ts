import { resolve } from "node:path";

/** Of this checkout: `.tools`, `.local`, `node_modules` and `examples` are in it. */
export const projectRoot = resolve(__dirname, "..", "..");
