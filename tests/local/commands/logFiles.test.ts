import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { createLogReader, logNames, timeOf } from "../../../local/commands/logFiles";

describe("log files", () => {
    let directory: string;

    beforeEach(() => {
        directory = mkdtempSync(join(tmpdir(), "taskgate-logs-"));
        mkdirSync(join(directory, "logs/functions"), { recursive: true });
    });

    afterEach(() => rmSync(directory, { recursive: true }));

    function write(name: string, text: string): void {
        appendFileSync(join(directory, "logs", `${name}.log`), text);
    }

    it("are read together by the time that stands in their lines", () => {
        write("functions/sync", "2026-01-01T00:00:01.000Z one\n  more of one\n2026-01-01T00:00:04.000Z four\n");
        write("gateway", "2026-01-01T00:00:02.000Z two\n2026-01-01T00:00:03.500Z three\n");
        writeFileSync(join(directory, "logs/no-log.txt"), "not read\n");
        const read = createLogReader(directory, () => true);

        expect(logNames(directory)).to.deep.equal(["functions/sync", "gateway"]);
        expect(read().map(({ name, text }) => `${name}: ${text.split(" ").at(-1)}`)).to.deep.equal([
            ...["functions/sync: one", "functions/sync: one", "gateway: two", "gateway: three", "functions/sync: four"],
        ]);
        expect(read()).to.deep.equal([]);
    });

    it("give what is added, in whole lines", () => {
        write("app", "begun, ");
        const read = createLogReader(directory, (name) => name === "app");
        expect(read()).to.deep.equal([]);
        const [euro, rest] = [Buffer.from("€").subarray(0, 1), Buffer.from("€").subarray(1)];
        appendFileSync(join(directory, "logs/app.log"), euro);
        expect(read()).to.deep.equal([]);
        appendFileSync(join(directory, "logs/app.log"), rest);
        write("app", " ended\n");
        write("other", "not asked for\n");
        expect(read().map(({ text }) => text)).to.deep.equal(["begun, € ended"]);
    });

    it("tell times as our processes do", () => {
        expect(timeOf("2026-11-25T20:55:11.841Z\tid\tINFO")).to.equal(Date.UTC(2026, 10, 25, 20, 55, 11, 841));
        expect(timeOf("[2026-11-25 20:55:20.710][320][warning]")).to.equal(
            new Date(2026, 10, 25, 20, 55, 20, 710).getTime(),
        );
        expect(timeOf("Pebble 2026/11/25 20:54:53 Starting")).to.equal(new Date(2026, 10, 25, 20, 54, 53).getTime());
        expect(timeOf("Running in strict mode")).to.equal(undefined);
    });
});
