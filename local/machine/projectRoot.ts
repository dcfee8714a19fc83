import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/** Of this checkout: `node_modules` and `examples` are in it; or of the package taskgate-local. */
export const projectRoot = resolve(__dirname, "..", "..");

/** Whether this is the package, which somebody's own project uses, and not the checkout. */
export const isPackage = !existsSync(join(projectRoot, "index.ts"));

/** Where `.tools` and `.local` are: the checkout, or what the package was told (bin/taskgate-local.mjs). */
export const home = process.env.TASKGATE_LOCAL_HOME ?? projectRoot;

/** How its commands are given. */
export const ours = isPackage ? "npx taskgate-local" : "npm run local --";
