import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { relative } from "node:path";

import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";

import * as components from "../../components";
import { build, inferSchema, readGoldenSchema, root, Schema, version } from "../support/plugin";
import { sorted } from "./schema";

describe("the package's schema", () => {
    let schema: Schema;

    before(async () => {
        await build();
        // A folder without package.json and tsconfig.json: that of a program in YAML or Python.
        schema = await inferSchema(tmpdir());
    });

    it("is as it was last looked at (npm run schema)", () => {
        expect(sorted(schema)).to.deep.equal(readGoldenSchema());
    });

    it("has the package's version, and every component that is exported", () => {
        const classes = Object.entries(components).flatMap(([name, value]) =>
            isComponent(value) ? [`taskgate:index:${name}`] : [],
        );
        expect(schema.version).to.equal(version);
        expect(Object.keys(schema.resources).sort()).to.deep.equal(classes.sort());
    });

    it("describes every component, property and word", () => {
        const described: [string, { description?: string }][] = [
            ...Object.entries(schema.resources),
            ...Object.entries(schema.resources).flatMap(([token, { inputProperties, properties }]) => [
                ...named(token, inputProperties),
                ...named(token, properties),
            ]),
            ...Object.entries(schema.types).flatMap(([token, type]) => [
                ...named(token, type.properties ?? {}),
                ...named(token, Object.fromEntries((type.enum ?? []).map((word) => [word.name, word]))),
            ]),
        ];
        expect(described.filter(([, { description }]) => !description).map(([name]) => name)).to.deep.equal([]);
    });

    it("names no type …Args: Python and Go add that to what is given", () => {
        expect(Object.keys(schema.types).filter((token) => token.endsWith("Args"))).to.deep.equal([]);
    });

    it("has the words of every choice as an enum", () => {
        // ownerPolicy is a function of the npm package: the schema knows components alone.
        const ofFunctions = ["OwnedService"];
        const choices = Object.entries(components).flatMap(([name, value]) =>
            typeof value === "object" && !ofFunctions.includes(name)
                ? [[`taskgate:index:${name}`, Object.values(value).sort()]]
                : [],
        );
        const enums = Object.entries(schema.types).flatMap(([token, type]) =>
            type.enum ? [[token, type.enum.map(({ value }) => value).sort()]] : [],
        );
        expect(Object.fromEntries(enums)).to.deep.equal(Object.fromEntries(choices));
    });
});

/** Other functions, such as traefikLabels, are for programs in TypeScript. */
function isComponent(value: unknown): boolean {
    return typeof value === "function" && value.prototype instanceof pulumi.ComponentResource;
}

function named<T>(token: string, properties: Readonly<Record<string, T>>): [string, T][] {
    return Object.entries(properties).map(([name, property]) => [`${token}.${name}`, property]);
}

describe("loading the package", () => {
    it("runs the components and handlers of dist/ alone, never the stack program", async () => {
        await build();
        const script = `require(${JSON.stringify(root)}); console.log(JSON.stringify(Object.keys(require.cache)))`;
        const loaded = JSON.parse(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" })) as string[];
        const ours = loaded.map((file) => relative(root, file)).filter((file) => !file.startsWith("node_modules"));
        expect(ours).to.include("dist/components/index.js");
        expect(ours.filter((file) => !/^dist\/(components|handlers)\//.test(file))).to.deep.equal([]);
    });
});
