import { expect } from "chai";
import { join } from "node:path";

import type { SystemFile } from "../../local/machine/systemFile";
import { OperationResult, runOperation } from "../../local/pulumi/operation";
import { localConfig } from "../../local/pulumi/platforms";
import { readState } from "../../local/pulumi/state";
import { archiveOf, packagesIn } from "../support/archives";
import { Consumer, installConsumer } from "../support/consumer";
import { localSystem } from "../support/localSystem";
import { TaskOutputs, visitNewTask } from "../support/newTask";
import { root } from "../support/plugin";

const region = "eu-west-1";
const domain = "previews.tasks.example.test";

describe("a project with the package from npm: examples/typescript", () => {
    let system: SystemFile;
    let consumer: Consumer;
    let first: OperationResult;

    before(async () => {
        // An older `debug` of the project's own, while acme-client needs a newer one; and one that nobody of ours needs.
        consumer = await installConsumer(join(root, "examples/typescript"), ["debug@2.6.9", "left-pad@1.3.0"]);
        system = (await localSystem()).file;
        first = await run("up");
    });

    after(() => consumer.remove());

    function run(operation: "up" | "destroy", refresh = false): Promise<OperationResult> {
        const program = join(consumer.directory, "index.ts");
        const config = { ...localConfig(system), domain };
        return runOperation(system, operation, { program, stack: "dev", config, refresh });
    }

    it("is type-checked by its own compiler and settings", async () => {
        expect(await consumer.run("npx", "tsc", "--project", ".")).to.equal("");
    });

    it("has one copy of Pulumi's packages", async () => {
        const copies = JSON.parse(await consumer.run("npm", "query", '[name^="@pulumi/"]')) as { location: string }[];
        expect(
            copies.map(({ location }) => location).filter((path) => path.split("node_modules").length > 2),
        ).to.deep.equal([]);
    });

    it("packs each function's handler and its packages, and nothing of the project", async () => {
        expect(await archiveOf(system, region, "previews-dns-sync")).to.deep.equal(["__index.js"]);

        const needed = JSON.parse(
            await consumer.run("npm", "query", '[name="acme-client"], [name="acme-client"] *'),
        ) as { location: string; version: string }[];
        const paths = await archiveOf(system, region, "previews-certificate-renewal");
        expect(packagesIn(paths)).to.deep.equal(needed.map(({ location }) => location).sort());
        expect(paths.filter((path) => !path.startsWith("node_modules/"))).to.deep.equal(["__index.js"]);
        // The project's own `debug` is another version, at the top.
        expect(packagesIn(paths)).to.include("node_modules/acme-client/node_modules/debug");
        expect(packagesIn(paths)).not.to.include("node_modules/debug");
    });

    it("gives a task its own HTTPS name", async () => {
        const page = await visitNewTask(system, region, { domain, ...first.outputs } as TaskOutputs);
        expect([page.status, page.authorized]).to.deep.equal([200, true]);
        expect(page.certificate.subjectaltname).to.equal(`DNS:*.${domain}`);
    });

    it("changes nothing when it is read and deployed again, and leaves nothing when it is destroyed", async () => {
        expect((await run("up", true)).changes).to.deep.equal({ same: first.changes.create });
        await run("destroy");
        expect(readState(system, "dev", "previews").resources).to.deep.equal([]);
    });

    it("may be made of single components instead: examples/components", async () => {
        const program = join(consumer.add(join(root, "examples/components")), "index.ts");
        const ofNotebooks = "notebooks.tasks.example.test";
        const config = {
            ...localConfig(system),
            domain: ofNotebooks,
            vpcId: "vpc-0123456789abcdef0",
            subnetIds: ["subnet-0123456789abcdef0"],
        };
        const { outputs, changes } = await runOperation(system, "up", { program, stack: "dev", config });
        const inputs = outputs.runTaskInputs as Record<string, string>;
        expect(Object.keys(inputs)).to.deep.equal(["large", "small"]);
        for (const runTaskInput of Object.values(inputs)) {
            const given = { ...outputs, domain: ofNotebooks, runTaskInput } as TaskOutputs;
            const page = await visitNewTask(system, region, given);
            expect([page.status, page.authorized]).to.deep.equal([200, true]);
        }
        const again = await runOperation(system, "up", { program, stack: "dev", config, refresh: true });
        expect(again.changes).to.deep.equal({ same: changes.create });
        await runOperation(system, "destroy", { program, stack: "dev", config });
        expect(readState(system, "dev", "notebooks").resources).to.deep.equal([]);
    });
});
