import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { stringify } from "yaml";

import type { SystemFile } from "../../local/machine/systemFile";
import { localConfig } from "../../local/pulumi/platforms";
import { readState } from "../../local/pulumi/state";
import { archiveOf } from "../support/archives";
import { localSystem } from "../support/localSystem";
import { TaskOutputs, visitNewTask } from "../support/newTask";
import { root } from "../support/plugin";
import { Pulumi, yamlStack } from "../support/yamlProgram";

const region = "eu-west-1";

interface Preview {
    readonly changeSummary: Readonly<Record<string, number>>;
    readonly steps: readonly { readonly urn: string }[];
}

describe("a program in another language, by the plugin: examples/yaml", () => {
    it("previews what it makes, gives a task its own HTTPS name, changes nothing the second time, and goes", async () => {
        const { file: system } = await localSystem();
        const domain = "games.tasks.example.test";
        const pulumi = await yamlStack(system, join(root, "examples/yaml"), { ...localConfig(system), domain });
        const preview = JSON.parse(await pulumi("preview", "--json")) as Preview;
        await pulumi("up", "--yes", "--skip-preview");
        const made = readState(system, "dev", "games").resources.map(({ urn }) => urn);
        // The default providers are made by the engine itself: no preview shows them.
        const shown = made.filter((urn) => !urn.includes("::pulumi:providers:"));
        expect(preview.steps.map(({ urn }) => urn).sort()).to.deep.equal(shown.sort());

        expect(await archiveOf(system, region, "games-dns-sync")).to.deep.equal(["__index.js"]);
        const outputs = JSON.parse(await pulumi("stack", "output", "--json")) as TaskOutputs;
        const page = await visitNewTask(system, region, { ...outputs, domain });
        expect([page.status, page.authorized]).to.deep.equal([200, true]);
        expect(page.certificate.subjectaltname).to.equal(`DNS:*.${domain}`);

        await pulumi("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes");
        await pulumi("destroy", "--yes", "--skip-preview");
        expect(readState(system, "dev", "games").resources).to.deep.equal([]);
    });
});

describe("the plugin's arguments in another language", () => {
    const given = { domain: "games.example.com", hostedZoneId: "Z1", image: "whoami" };
    let system: SystemFile;
    let folder: string;

    before(async () => {
        system = (await localSystem()).file;
        folder = mkdtempSync(join(tmpdir(), "taskgate-yaml-"));
    });

    after(() => rmSync(folder, { recursive: true }));

    /** A program of these resources. */
    function program(resources: Record<string, unknown>): Promise<Pulumi> {
        writeFileSync(join(folder, "Pulumi.yaml"), stringify({ name: "faulty", runtime: "yaml", resources }));
        return yamlStack(system, folder, { "aws:region": region });
    }

    async function preview(resources: Record<string, unknown>): Promise<Preview> {
        const pulumi = await program(resources);
        return JSON.parse(await pulumi("preview", "--json")) as Preview;
    }

    /** What the engine says about a platform of these arguments. */
    function refusal(properties: Record<string, unknown>): Promise<string> {
        return preview({ it: { type: "taskgate:index:TaskPlatform", properties } }).then(
            () => "no error",
            (error: Error) => error.message,
        );
    }

    it("are refused by name when a required one is missing", async () => {
        expect(await refusal({ hostedZoneId: "Z1", image: "whoami" })).to.match(/Missing required property 'domain'/);
    });

    it("are refused by name when one has the wrong type", async () => {
        expect(await refusal({ ...given, cpu: "plenty" })).to.match(
            /cpu: Cannot assign type 'string' to type 'number'/,
        );
    });

    it("are refused with the words that are allowed", async () => {
        expect(await refusal({ ...given, keyType: "P-521" })).to.match(
            /Allowed values are .*P256 .*P-256.*, P384 .*P-384/,
        );
    });

    it("are refused when there is none of that name", async () => {
        expect(await refusal({ ...given, colour: "red" })).to.contain("Property colour does not exist");
    });

    it("are refused by the component's own rules, before anything is made", async () => {
        expect(await refusal({ ...given, cpu: 256, memory: 4096 })).to.contain(
            "Fargate has no task of 256 CPU units with 4096 MiB: give one of 512, 1024, 2048",
        );
    });

    it("name a folder of the program: an image is built from it, and stays as it is", async () => {
        mkdirSync(join(folder, "app"));
        writeFileSync(join(folder, "app/Dockerfile"), "FROM node:24\n");
        const build = { context: "app", args: { A: "1", B: "2", C: "3", D: "4", E: "5" } };
        const properties = {
            build,
            vpcId: "vpc-1",
            subnetIds: ["subnet-1"],
            clusterArn: `arn:aws:ecs:${region}:111122223333:cluster/games`,
            certificateSecretArn: `arn:aws:secretsmanager:${region}:111122223333:secret:certificate-AbCdEf`,
        };
        const pulumi = await program({ game: { type: "taskgate:index:EnvoyTask", properties } });
        await pulumi("up", "--yes", "--skip-preview");
        await pulumi("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes");
        const { resources } = readState(system, "dev", "faulty");
        expect(resources.filter(({ type }) => type === "docker-build:index:Image")).to.have.length(1);
        await pulumi("destroy", "--yes", "--skip-preview");
    });

    it("may be unknown in a preview", async () => {
        const { changeSummary } = await preview({
            cluster: { type: "taskgate:index:Cluster" },
            dns: {
                type: "taskgate:index:TaskDns",
                properties: {
                    clusterArn: "${cluster.clusterArn}",
                    domain: `\${cluster.clusterName}.${system.domain}`,
                    hostedZoneId: system.hostedZoneId, // it is looked up, so that a wrong one is found in the preview
                },
            },
        });
        expect(Object.keys(changeSummary)).to.deep.equal(["create"]);
    });
});
