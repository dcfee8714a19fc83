import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { projectRoot } from "../../../local/machine/projectRoot";

interface Cuts {
    readonly pulumiModule: string;
    copyWithoutCuts(source: string, target: string): void;
}

describe("the Pulumi CLI's source, as the set-up builds it", function () {
    this.timeout(600_000);
    let cuts: Cuts;
    let source: string;
    let directory: string;

    before(async function () {
        cuts = (await import(join(projectRoot, "tools/pulumiCuts.mjs"))) as Cuts;
        const words = ["list", "-m", "-f", "{{.Dir}}", cuts.pulumiModule];
        const env = { ...process.env, GOFLAGS: "", GOPROXY: "off" };
        source = spawnSync("go", words, { cwd: join(projectRoot, "tools"), env, encoding: "utf8" }).stdout.trim();
        if (!existsSync(source)) {
            this.skip(); // a pulumi of the PATH is used here, so nothing was downloaded
        }
        directory = mkdtempSync(join(tmpdir(), "taskgate-cuts-"));
    });
    after(() => directory && rmSync(directory, { recursive: true }));

    /** Packages that files of a folder import, of others than Pulumi. */
    function importsOf(folder: string): string[] {
        const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".go"));
        const blocks = files.map(
            (file) => /^import \(\n([^]*?)^\)/m.exec(readFileSync(join(folder, file), "utf8"))?.[1] ?? "",
        );
        return [
            ...new Set(blocks.flatMap((block) => [...block.matchAll(/"([^"\s]+\.[^"\s]+)"/g)].map(([, name]) => name))),
        ];
    }
    const costly =
        /libopenapi|aws-sdk-go-v2|cloud\.google\.com|gocloud\.dev\/(blob|secrets)\/(?!fileblob|driver)|google\.golang\.org\/api\//;

    it("is without what takes long to compile and is not needed here", () => {
        const target = join(directory, "cut");
        cuts.copyWithoutCuts(source, target);
        expect(importsOf(target).filter((name) => costly.test(name))).to.deep.equal([]);
        expect(importsOf(target)).to.include("gocloud.dev/blob/fileblob");
        const cli = readFileSync(join(target, "cmd/pulumi/pulumi.go"), "utf8");
        expect(cli).not.to.include("cloud.NewAPICmd()");
        expect(cli).to.include("operations.NewUpCmd(");
    });

    it("is refused when it is another than the cuts were made for", () => {
        const other = join(directory, "other");
        cuts.copyWithoutCuts(source, join(directory, "cut"));
        cpSync(join(directory, "cut"), other, { recursive: true });
        writeFileSync(join(other, "operations/resources.go"), "package operations\n");
        expect(() => cuts.copyWithoutCuts(other, join(directory, "again"))).to.throw(
            /^github\.com\/pulumi\/pulumi\/pkg\/v3\/.+\.go has nothing like \/.+\/: mend tools\/pulumiCuts\.mjs for this version\.$/,
        );
    });
});
