// Keeps what files were compiled to: each is compiled once, until it changes.
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const root = path.resolve(__dirname, "..");

/** Gives `compile(source, file)`, from .tools/cache/<folder> when that has it already. `by`: what else the outcome depends on. */
exports.keeping = function (folder, by, compile) {
    const cache = path.join(root, ".tools/cache", folder);
    return (file) => {
        const source = fs.readFileSync(file, "utf8");
        const name = createHash("sha256").update(`${file}\0${by}\0${source}`).digest("hex").slice(0, 32);
        const compiled = path.join(cache, `${name}.js`);
        try {
            return fs.readFileSync(compiled, "utf8");
        } catch {
            const code = compile(source, file);
            fs.mkdirSync(cache, { recursive: true });
            const draft = `${compiled}.${process.pid}`; // put in its place at once: another command may be reading
            fs.writeFileSync(draft, code);
            fs.renameSync(draft, compiled);
            return code;
        }
    };
};
