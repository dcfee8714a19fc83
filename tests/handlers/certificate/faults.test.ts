import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { projectRoot } from "../../../local/machine/projectRoot";

describe("the known faults of renewals", () => {
    it("have a test each, by the name that the documentation gives", () => {
        const text = readFileSync(join(projectRoot, "docs/certificates.md"), "utf8");
        const rows = [...text.matchAll(/^\|.*\| `([\w/]+\.test\.ts)`: (.+?) +\|$/gm)];
        expect(rows).to.have.length(21);
        for (const [, file, title] of rows) {
            expect(readFileSync(join(projectRoot, "tests", file), "utf8"), file).to.include(title);
        }
    });
});
