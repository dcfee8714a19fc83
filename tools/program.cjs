// Lets Node load a Pulumi program quickly: `node -r ./tools/program.cjs …`. This project's files are compiled by TypeScript, as
// its users' are, since the text of a function is what Lambda runs; and kept. Others' files are ts-node's.
const fs = require("node:fs");
const { Module } = require("node:module");
const path = require("node:path");

const { keeping } = require("./kept.cjs");

const root = path.resolve(__dirname, "..") + path.sep;
const settings = fs.readFileSync(path.join(root, "tsconfig.json"), "utf8");
const { version } = require("typescript/package.json");

const code = keeping("program", `${version}\0${settings}`, (source, fileName) => {
    const { transpileModule } = require("typescript");
    const { compilerOptions } = JSON.parse(settings);
    return transpileModule(source, { fileName, compilerOptions: { ...compilerOptions, inlineSourceMap: true } })
        .outputText;
});

const before = Module._extensions[".ts"];
let others;
const load = (module, file) => {
    if (file.startsWith(root) && !file.startsWith(path.join(root, "node_modules"))) {
        module._compile(code(file), file);
    } else {
        others ??= ofTsNode();
        others(module, file);
    }
};
Module._extensions[".ts"] = load;

function ofTsNode() {
    Module._extensions[".ts"] = before; // it builds upon what it finds
    require("ts-node/register/transpile-only");
    const registered = Module._extensions[".ts"];
    Module._extensions[".ts"] = load;
    return registered;
}
