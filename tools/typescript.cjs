// Lets Node load this project's TypeScript quickly: `node -r ./tools/typescript.cjs local/cli.ts`. Each file is compiled
// once and kept in .tools/cache, so a command takes no longer than its modules do as JavaScript.
const { Module } = require("node:module");

const { keeping } = require("./kept.cjs");

const code = keeping(
    "commands",
    "",
    (source, file) =>
        require("esbuild").transformSync(source, {
            loader: "ts",
            format: "cjs",
            target: "node22",
            platform: "node",
            supported: { "dynamic-import": false }, // of a module without extension: only require finds it
            sourcefile: file,
            sourcemap: "inline",
            sourcesContent: false,
        }).code,
);

Module._extensions[".ts"] = (module, file) => module._compile(code(file), file);
