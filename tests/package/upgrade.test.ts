import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { runOperation } from "../../local/pulumi/operation";
import { localSystem } from "../support/localSystem";
import { version } from "../support/plugin";
import { config, stack, states } from "./recordState";

/** What is lost with the resource: certificates and keys, history, subscriptions, messages, logs. */
const holdsData = new Set([
    "aws:secretsmanager/secret:Secret",
    "aws:s3/bucket:Bucket",
    "aws:ssm/parameter:Parameter",
    "aws:sns/topic:Topic",
    "aws:sns/topicSubscription:TopicSubscription",
    "aws:sqs/queue:Queue",
    "aws:dynamodb/table:Table",
    "aws:cloudwatch/logGroup:LogGroup",
]);

interface Recorded {
    readonly checkpoint: { readonly latest: { readonly resources: readonly { urn: string; type: string }[] } };
}

describe("a stack of a released version", () => {
    const files = readdirSync(states);

    it("is recorded for this version too (npm run record-state)", () => {
        expect(files).to.include(`${version}.golden.json`);
    });

    for (const file of files) {
        it(`keeps what holds data when it is upgraded from ${file.replace(".golden.json", "")}`, async () => {
            const { file: system } = await localSystem();
            const backend = join(system.directory, "pulumi/.pulumi/stacks/taskgate");
            mkdirSync(backend, { recursive: true });
            const recorded = readFileSync(join(states, file), "utf8");
            writeFileSync(join(backend, `${stack}.json`), recorded);
            // A zone is asked whether it holds the domain: that of the system at hand does.
            const { hostedZoneId } = system;
            const { resources } = await runOperation(system, "preview", { stack, config: { ...config, hostedZoneId } });
            const kept = resources.filter(({ type }) => holdsData.has(type));
            const lost = kept.filter(({ op }) => !["same", "update", "create"].includes(op));
            expect(lost.map(({ urn, op }) => `${op} ${urn}`)).to.deep.equal([]);
            const { checkpoint } = JSON.parse(recorded) as Recorded;
            const before = checkpoint.latest.resources.filter(({ type }) => holdsData.has(type));
            expect(
                kept
                    .filter(({ op }) => op !== "create")
                    .map(({ urn }) => urn)
                    .sort(),
            ).to.deep.equal(before.map(({ urn }) => urn).sort());
        });
    }
});
