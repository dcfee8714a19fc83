import { expect } from "chai";

import {
    callerOf,
    describeTask,
    eventually,
    hostnameOf,
    RegionOutputs,
    runTasks,
    stopTask,
    untilRunning,
} from "../../local/internet/caller";
import { visit } from "../../local/internet/visitor";
import type { SystemFile } from "../../local/machine/systemFile";
import { OperationResult, runOperation } from "../../local/pulumi/operation";
import { localConfig } from "../../local/pulumi/platforms";
import { readState } from "../../local/pulumi/state";
import { localSystem } from "../support/localSystem";
import { TaskOutputs, visitNewTask } from "../support/newTask";

const stack = "regions";
const domain = "regions.tasks.example.test";
const three = ["eu-west-1", "us-east-1", "ap-southeast-2"];

describe("a stack of three regions", () => {
    let system: SystemFile;
    let first: OperationResult;
    let inRegion: Map<string, string[]>;

    before(async () => {
        system = (await localSystem()).file;
        first = await run("up", three);
        inRegion = new Map(three.map((region) => [region, urnsOf(region)]));
    });

    function run(operation: "up" | "destroy", regions: readonly string[]): Promise<OperationResult> {
        const config = { ...localConfig(system), domain, regions };
        return runOperation(system, operation, { stack, config });
    }

    /** What the stack has in a region: its provider, its platform and all below. */
    function urnsOf(region: string): string[] {
        const urns = readState(system, stack).resources.map(({ urn }) => urn);
        return urns.filter((urn) => new RegExp(`::(tasks-)?${region}(-|$)`).test(urn)).sort();
    }

    it("makes the same in each, and nothing by a default provider", () => {
        const [one, ...rest] = three.map((region) =>
            (inRegion.get(region) ?? []).map((urn) => urn.replaceAll(region, "<region>")),
        );
        expect(one).to.have.length.greaterThan(50);
        rest.forEach((other) => expect(other).to.deep.equal(one));
        const others = readState(system, stack).resources.flatMap(({ urn }) =>
            [...inRegion.values()].flat().includes(urn) ? [] : [urn.split("::").slice(2).join("::")],
        );
        // awsx is no cloud's provider: what it makes, it makes by the AWS provider that it is given.
        expect(others.sort()).to.deep.equal([
            "pulumi:providers:awsx::default_3_9_0",
            "pulumi:providers:pulumi::default",
            "pulumi:pulumi:Stack::taskgate-regions",
        ]);
    });

    for (const region of three) {
        it(`gives a task in ${region} that region's name and certificate`, async () => {
            const outputs = (first.outputs.regions as Record<string, TaskOutputs>)[region];
            expect(outputs.domain).to.equal(`${region}.${domain}`);
            expect(outputs.clusterArn).to.contain(`:ecs:${region}:`);
            const page = await visitNewTask(system, region, outputs);
            expect([page.status, page.authorized]).to.deep.equal([200, true]);
            expect(page.certificate.subjectaltname).to.equal(`DNS:*.${region}.${domain}`);
        });
    }

    it("deletes one region's resources alone when that region is taken out, and makes them again when it comes back", async () => {
        const count = inRegion.get("us-east-1")?.length ?? 0;
        const rest = (first.changes.create ?? 0) - count;
        const outputs = (first.outputs.regions as Record<string, RegionOutputs>)["eu-west-1"];
        const caller = callerOf(system, "eu-west-1", outputs);
        const [kept] = await runTasks(caller);
        await untilRunning(caller, kept);
        const asked = () => visit(system, hostnameOf(caller, kept)).catch(() => undefined);
        const answers = () =>
            eventually("the task answering", async () => ((await asked())?.status === 200 ? true : undefined));
        await answers();
        const removed = await run("up", ["eu-west-1", "ap-southeast-2"]);
        // A task of another region is none of its affair.
        expect((await describeTask(caller, kept))?.lastStatus).to.equal("RUNNING");
        expect((await asked())?.status).to.equal(200);
        await stopTask(caller, kept);
        expect(withoutOutputs(removed)).to.deep.equal({ same: rest, delete: count });
        expect(urnsOf("us-east-1")).to.deep.equal([]);
        const added = await run("up", three);
        expect(withoutOutputs(added)).to.deep.equal({ same: rest, create: count });
    });

    it("leaves nothing when it is destroyed", async () => {
        await run("destroy", three);
        expect(readState(system, stack).resources).to.deep.equal([]);
    });
});

/** The stack's outputs name the regions: they change with them. */
function withoutOutputs({ changes }: OperationResult): Record<string, number> {
    return Object.fromEntries(Object.entries(changes).filter(([, count]) => count > 0));
}
