import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { expect } from "chai";

import { contextFiles, contextHash } from "../../../../components/internal/task/buildContext";

describe("a build context", () => {
    let context: string;
    beforeEach(() => {
        context = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        write({ Dockerfile: "FROM node:24\nCOPY . .\n", "server.mjs": "serve()", "lib/a.mjs": "a", "lib/b.mjs": "b" });
    });
    afterEach(() => rmSync(context, { recursive: true }));

    function write(files: Readonly<Record<string, string>>): void {
        for (const [path, content] of Object.entries(files)) {
            mkdirSync(dirname(join(context, path)), { recursive: true });
            writeFileSync(join(context, path), content, { mode: 0o644 });
        }
    }

    it("has every file, in an order of its own", () => {
        expect(contextFiles({ context })).to.deep.equal(["Dockerfile", "lib/a.mjs", "lib/b.mjs", "server.mjs"]);
    });

    it("leaves out what .dockerignore names, as Docker reads it", () => {
        write({
            ".dockerignore": "# none of these\nlib\n!lib/b.mjs\n**/*.log\nnode_modules\nREADME.md",
            "lib/deep/c.mjs": "c",
            "logs/today.log": "…",
            "node_modules/x/index.js": "x",
            "docs/README.md": "in a folder, so it stays",
            "readme.md": "another name, so it stays",
        });
        expect(contextFiles({ context })).to.deep.equal([
            ".dockerignore",
            "Dockerfile",
            "docs/README.md",
            "lib/b.mjs",
            "readme.md",
            "server.mjs",
        ]);
    });

    it("is read by the Dockerfile's own .dockerignore before any other", () => {
        write({
            ".dockerignore": "server.mjs",
            "web.Dockerfile": "FROM node:24",
            "web.Dockerfile.dockerignore": "lib",
        });
        const files = contextFiles({ context, dockerfile: join(context, "web.Dockerfile") });
        expect(files).to.include("server.mjs").and.not.include("lib/a.mjs");
    });

    describe("has a hash", () => {
        const unchanged = (change: () => void): void => {
            const before = contextHash({ context });
            change();
            expect(contextHash({ context })).to.equal(before);
        };
        const changed = (change: () => void): void => {
            const before = contextHash({ context });
            change();
            expect(contextHash({ context }))
                .to.match(/^[0-9a-f]{64}$/)
                .and.not.equal(before);
        };

        it("that is the same for the same files, whenever they were written", () => {
            unchanged(() => utimesSync(join(context, "server.mjs"), 1, 1));
            unchanged(() => write({ "lib/a.mjs": "a" }));
        });

        it("that changes with a file's content, path and mode", () => {
            changed(() => write({ "lib/a.mjs": "other" }));
            changed(() => write({ "lib/c.mjs": "" }));
            changed(() => renameSync(join(context, "lib/b.mjs"), join(context, "lib/d.mjs")));
            changed(() => chmodSync(join(context, "server.mjs"), 0o755));
            changed(() => rmSync(join(context, "lib"), { recursive: true }));
        });

        it("that knows where a file ends", () => {
            changed(() => write({ "lib/a.mjs": "", "lib/b.mjs": "ab" }));
        });

        it("that changes with what a link leads to", () => {
            const outside = `${context}.outside`;
            writeFileSync(outside, "1");
            symlinkSync(outside, join(context, "link"));
            changed(() => writeFileSync(outside, "2"));
            unchanged(() => utimesSync(outside, 1, 1));
            rmSync(outside);
            expect(contextHash({ context })).to.match(/^[0-9a-f]{64}$/);
        });

        it("that does not change with what is ignored, but with the Dockerfile, even if it is", () => {
            write({ ".dockerignore": "Dockerfile\nnotes\n", notes: "1" });
            unchanged(() => write({ notes: "2" }));
            changed(() => write({ Dockerfile: "FROM node:24-alpine\nCOPY . .\n" }));
        });
    });
});
