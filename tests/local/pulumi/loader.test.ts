import { writeFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { projectRoot } from "../../../local/machine/projectRoot";
import { run } from "../../support/commandLine";

const kept = join(projectRoot, "tools/program.cjs");

/** What a process prints that loads TypeScript in that way. */
async function printed(loader: string, program: string): Promise<string> {
    const { code, stdout, stderr } = await run([process.execPath, "-r", loader, "-e", program]);
    expect(code, stderr).to.equal(0);
    return stdout;
}

describe("the loader of programs", () => {
    it("gives functions the text that ts-node gives them, which is what Lambda runs; the second time, too", async () => {
        const modules = readdirSync(join(projectRoot, "handlers")).filter((file) => file.endsWith(".ts"));
        expect(modules).to.include.members(["renewCertificate.ts", "syncTaskDns.ts"]);
        const program = modules
            .map((file) => `console.log(Object.values(require("./handlers/${file}")).map(String).join("\\n"));`)
            .join("\n");
        const byTsNode = await printed(require.resolve("ts-node/register/transpile-only"), program);
        expect(byTsNode).to.include("async function renewCertificate(");
        expect(await printed(kept, program)).to.equal(byTsNode);
        expect(await printed(kept, program)).to.equal(byTsNode);
    });

    it("leaves others' files to ts-node, and its own again after them", async () => {
        const folder = mkdtempSync(join(tmpdir(), "taskgate-loader-"));
        try {
            writeFileSync(join(folder, "theirs.ts"), "export const theirs: string = 'theirs';\n");
            const program = `console.log(require("${folder}/theirs").theirs, typeof require("./components/cluster").Cluster)`;
            expect(await printed(kept, program)).to.equal("theirs function\n");
        } finally {
            rmSync(folder, { recursive: true });
        }
    });
});
