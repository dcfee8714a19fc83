// Lets Node load this project's TypeScript quickly: `node -r ./tools/typescript.cjs local/cli.ts`. Each file is compiled
// once and kept in .tools/cache, so a command takes no longer than its modules do as JavaScript.
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const { Module } = require("node:module");
const path = require("node:path");

const root = path.resolve(__dirname, "..");
const cache = path.join(root, ".tools/cache/commands");

Module._extensions[".ts"] = (module, file) => {
    const source = fs.readFileSync(file, "utf8");
    const name = createHash("sha256").update(`${file}\0${source}`).digest("hex").slice(0, 32);
    const compiled = path.join(cache, `${name}.js`);
    let code;
    try {
        code = fs.readFileSync(compiled, "utf8");
    } catch {
        code = compile(source, file);
        fs.mkdirSync(cache, { recursive: true });
        const draft = `${compiled}.${process.pid}`; // put in its place at once: another command may be reading
        fs.writeFileSync(draft, code);
        fs.renameSync(draft, compiled);
    }
    module._compile(code, file);
};

function compile(source, file) {
    return require("esbuild").transformSync(source, {
        loader: "ts",
        format: "cjs",
        target: "node22",
        platform: "node",
        supported: { "dynamic-import": false }, // of a module without extension: only require finds it
        sourcefile: file,
        sourcemap: "inline",
        sourcesContent: false,
    }).code;
}
