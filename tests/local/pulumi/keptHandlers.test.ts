import { expect } from "chai";
import { createRequire } from "node:module";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as pulumi from "@pulumi/pulumi";

import { keepHandlers } from "../../../local/pulumi/keptHandlers";

const load = createRequire(__filename);

describe("kept handlers", () => {
    let [folder, cache] = ["", ""];
    let putBack: (() => void) | undefined;
    const keep = () => (putBack = keepHandlers(require, folder, cache));
    const serialize = async (callback: () => unknown) =>
        (await pulumi.runtime.serializeFunction(callback, { exportName: "handler" })).text;
    /** The module of a handler, loaded as it now stands. */
    const loaded = (answer: string) => {
        const file = join(folder, "greet.ts");
        writeFileSync(file, `export function greet(): string {\n    return "${answer}";\n}\n`);
        Reflect.deleteProperty(require.cache, file);
        return load(file) as { readonly greet: () => string };
    };

    beforeEach(() => {
        folder = mkdtempSync(join(tmpdir(), "taskgate-handlers-"));
        cache = join(folder, "kept");
    });

    afterEach(() => {
        putBack?.();
        rmSync(folder, { recursive: true });
    });

    it("have the text that Pulumi gave them, until one of them changes", async () => {
        const { greet } = loaded("hello");
        const text = await serialize(greet);
        expect(text).to.include('return "hello"');
        keep();
        expect(await serialize(greet)).to.equal(text);
        const [kept] = readdirSync(cache);
        writeFileSync(join(cache, kept), JSON.stringify({ text: "kept", exportName: "handler" }));
        expect(await serialize(greet)).to.equal("kept");
        putBack!();
        const changed = loaded("good evening");
        keep();
        expect(await serialize(changed.greet)).to.include('return "good evening"');
    });

    it("are told apart by what they are exported as", async () => {
        const file = join(folder, "two.ts");
        writeFileSync(file, `export const one = () => "1";\nexport const two = () => "2";\n`);
        const { one, two } = load(file) as Record<"one" | "two", () => string>;
        keep();
        expect(await serialize(one)).to.include('"1"');
        expect(await serialize(two)).to.include('"2"');
        expect(readdirSync(cache)).to.have.length(2);
    });

    it("are no functions of a program, which may close over anything", async () => {
        keep();
        const closure = (value: string) => () => value;
        expect(await serialize(closure("first"))).to.include("first");
        expect(await serialize(closure("second"))).to.include("second");
        expect(() => readdirSync(cache)).to.throw("ENOENT");
    });
});
