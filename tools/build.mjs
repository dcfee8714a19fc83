// Makes the JavaScript of dist/, which npm consumers and the plugin host load; `npm run build` adds the declarations.
// A handler becomes one file with all that it is made of but its packages: function serialization cannot follow a
// module's imports into the files of a package in node_modules. `node tools/build.mjs`
import { build } from "esbuild";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const components = fs
    .readdirSync(path.join(root, "components"), { recursive: true })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => path.join(root, "components", file));
const imported = components.flatMap((file) => [
    ...fs.readFileSync(file, "utf8").matchAll(/from "(?:\.\.\/)+(handlers\/\w+)"/g),
]);
const handlers = [...new Set(imported.map(([, module]) => path.join(root, `${module}.ts`)))];

const common = {
    outbase: root,
    outdir: path.join(root, "dist"),
    absWorkingDir: root,
    platform: "node",
    format: "cjs",
    target: "node22",
    sourcemap: "linked",
    logLevel: "warning",
};
await Promise.all([
    build({ ...common, entryPoints: components }),
    build({ ...common, entryPoints: handlers, bundle: true, packages: "external" }),
    // The client runs in browsers, too: as an ES module.
    build({ ...common, entryPoints: [path.join(root, "client/index.ts")] }),
    build({
        ...common,
        entryPoints: [path.join(root, "client/index.ts")],
        platform: "neutral",
        format: "esm",
        target: "es2022",
        outExtension: { ".js": ".mjs" },
    }),
]);
