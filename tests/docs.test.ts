// What the documentation says a test shows: there is such a test. What it leads to is there.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { expect } from "chai";

import { projectRoot } from "../local/machine/projectRoot";

const tests = (readdirSync(join(projectRoot, "tests"), { recursive: true }) as string[]).filter((path) =>
    path.endsWith(".test.ts"),
);

interface Named {
    readonly doc: string;
    /** Below tests/, or the end of it. */
    readonly file: string;
    /** The beginning of a title, or its end after `…`. */
    readonly title?: string;
}

/** All `file.test.ts "title"` of a page; the folder may stand after the file's name, in parentheses. */
function namedIn(doc: string): Named[] {
    const text = readFileSync(join(projectRoot, "docs", doc), "utf8").replace(/\s+/g, " ");
    return [...text.matchAll(/([\w/]+\.test\.ts)`?(?: \((\w+)\))?(?: "([^"]+)")?/g)].map(([, file, folder, title]) => ({
        doc,
        file: folder === undefined ? file : `${folder}/${file}`,
        title,
    }));
}

function isThere({ file, title }: Named): boolean {
    const wanted = file.replace(/^tests\//, "");
    const found = tests.filter((path) => path === wanted || path.endsWith(`/${wanted}`));
    const words = title?.replace(/^… | …$/g, "");
    return found.some(
        (path) => words === undefined || readFileSync(join(projectRoot, "tests", path), "utf8").includes(words),
    );
}

function leadsSomewhere(page: string, link: string): boolean {
    const [path, anchor] = link.split("#");
    const file = path === "" ? join(projectRoot, page) : join(projectRoot, dirname(page), path);
    return existsSync(file) && (anchor === undefined || anchorsOf(readFileSync(file, "utf8")).includes(anchor));
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
    return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
        heading
            .toLowerCase()
            .replace(/[^\w\- ]/g, "")
            .replaceAll(" ", "-"),
    );
}

describe("the documentation", () => {
    const docs = readdirSync(join(projectRoot, "docs")).filter((file) => file.endsWith(".md"));

    it("names tests that are there, by titles that they have", () => {
        // x stands for any.
        const named = docs.flatMap(namedIn).filter(({ file }) => !file.endsWith("/x.test.ts"));
        expect(named.filter(({ title }) => title !== undefined).length).to.be.at.least(24);
        expect(named.filter((each) => !isThere(each))).to.deep.equal([]);
        const unknown = { doc: "", file: "permissions.test.ts" };
        expect([isThere({ ...unknown, title: "… the butler" }), isThere({ ...unknown, file: "none.test.ts" })]).to.deep.equal([false, false]); // prettier-ignore
    });

    it("leads to files and headings that are there", () => {
        const pages = ["README.md", "CHANGELOG.md", ...docs.map((doc) => join("docs", doc))];
        const links = pages.flatMap((page) =>
            [...readFileSync(join(projectRoot, page), "utf8").matchAll(/\]\(([^)\s]+)\)/g)]
                .map(([, link]) => ({ page, link }))
                // The second are addresses at GitHub.
                .filter(({ link }) => !/^(https?:|\.\.\/\.\.\/)/.test(link)),
        );
        expect(links.length).to.be.at.least(50);
        expect(links.filter(({ page, link }) => !leadsSomewhere(page, link))).to.deep.equal([]);
        const dead = ["none.md", "dns.md#none", "#none"];
        expect(dead.filter((link) => leadsSomewhere("docs/design.md", link))).to.deep.equal([]);
    });

    it("names a test for each protection of docs/security.md", () => {
        const text = readFileSync(join(projectRoot, "docs/security.md"), "utf8");
        const [, ...sections] = text.split("\n## ");
        const threats = sections.filter((section) => !section.startsWith("Exceptions"));
        expect(threats.map((section) => section.split("\n")[0])).to.deep.equal([
            "Untrusted code in a task",
            "A stolen task role, or a function's",
            "A leaked address",
            "A hostile client",
            "A compromised certificate authority, or its account",
            "A colleague who reads state and logs",
            "Somebody who may write to the queue",
        ]);
        for (const section of threats) {
            const rows = section.split("\n").filter((line) => line.startsWith("|")).slice(2); // prettier-ignore
            const protections = rows.length > 0 ? rows : [section];
            expect(protections.filter((protection) => !protection.includes(".test.ts"))).to.deep.equal([]);
        }
    });
});
