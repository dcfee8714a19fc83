// A house with one way through it: what lies side by side in a folder, files and folders alike, never imports one another in a circle.
import { dirname, join, relative, sep } from "node:path";

import { expect } from "chai";
import * as ts from "typescript";

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

const root = join(__dirname, "..");

/** Each file of the project, and those that it imports: as types, by `require` and by `import()` too. */
function importsOf(configFile: string): Graph {
    const { config } = ts.readConfigFile(configFile, (file) => ts.sys.readFile(file)) as { config: unknown };
    const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, dirname(configFile));
    const ours = new Set(fileNames);
    const importedBy = (file: string): string[] =>
        ts
            .preProcessFile(ts.sys.readFile(file)!, true, true)
            .importedFiles.map(
                ({ fileName }) =>
                    ts.resolveModuleName(fileName, file, options, ts.sys).resolvedModule?.resolvedFileName,
            )
            .filter((imported) => imported !== undefined)
            .filter((imported) => ours.has(imported));
    return new Map(fileNames.map((file) => [file, new Set(importedBy(file))]));
}

/** For each folder, what lies in it and imports something else in it. */
function byFolder(files: Graph): ReadonlyMap<string, Graph> {
    const folders = new Map<string, Map<string, Set<string>>>();
    for (const [file, imported] of files) {
        for (const other of imported) {
            const [from, to] = [relative(root, file).split(sep), relative(root, other).split(sep)];
            const depth = from.findIndex((part, index) => part !== to[index]);
            const folder = from.slice(0, depth).join("/");
            const inside = folders.get(folder) ?? new Map<string, Set<string>>();
            folders.set(folder, inside);
            inside.set(from[depth], (inside.get(from[depth]) ?? new Set()).add(to[depth]));
        }
    }
    return folders;
}

/** Those in a circle, and those between two: all that is left when what imports, or is imported by, none of the rest is taken away. */
function inCircles(graph: Graph): string[] {
    const left = new Map(graph);
    for (;;) {
        const imported = new Set([...left.values()].flatMap((names) => [...names]));
        const free = [...left].filter(
            ([name, imports]) => !imported.has(name) || ![...imports].some((other) => left.has(other)),
        );
        if (free.length === 0) {
            return [...left.keys()].sort();
        }
        free.forEach(([name]) => left.delete(name));
    }
}

describe("imports", () => {
    it("make no circle, neither among files nor among folders", () => {
        const folders = byFolder(importsOf(join(root, "tsconfig.json")));
        expect([...folders.keys()]).to.include.members(["", "components", "handlers", "local", "local/aws", "tests"]);
        const circles = [...folders].flatMap(([folder, graph]) => inCircles(graph).map((name) => `${folder}/${name}`));
        expect(circles).to.deep.equal([]);
    });

    it("would be found in a circle", () => {
        const graph = new Map(
            Object.entries({ above: ["one"], one: ["two"], two: ["three"], three: ["one", "below"], below: [] }).map(
                ([name, imports]) => [name, new Set(imports)],
            ),
        );
        expect(inCircles(graph)).to.deep.equal(["one", "three", "two"]);
    });
});
