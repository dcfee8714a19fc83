// Talks to AWS, as nothing else of the local system does but leftoversOnAws.ts, namesOnAws.ts and renewalOnAws.ts: nothing loads it but `npm run accept -- --aws`.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { Route53 } from "@aws-sdk/client-route-53";
import { STS } from "@aws-sdk/client-sts";
import { LocalWorkspace } from "@pulumi/pulumi/automation";
import { parse } from "yaml";

import { omit } from "../../machine/omit";
import { projectRoot } from "../../machine/projectRoot";
import { operate } from "../../pulumi/operation";
import type { ResourceState } from "../../pulumi/state";
import { layOut } from "../../pulumi/workspace";
import type { Project, Target } from "./target";

/** Whose credentials there are; undefined when there are none. */
export async function accountOfCredentials(): Promise<string | undefined> {
    try {
        return (await new STS({ region: "us-east-1" }).getCallerIdentity({})).Account;
    } catch {
        return undefined;
    }
}

/** The user's own account, by their credentials and their `pulumi`; the stack is configured as README.md says. */
export async function awsTarget(account: string, stackName: string): Promise<Target> {
    const given = settingsOf(stackName);
    const config = (given.config ?? {}) as Readonly<Record<string, unknown>>;
    const text = (key: string): string | undefined => config[key] as string | undefined;
    const domain = text("taskgate:domain");
    const home = text("aws:region") ?? process.env.AWS_REGION;
    if (domain === undefined || home === undefined) {
        throw new Error(
            `Pulumi.${stackName}.yaml needs taskgate:domain and aws:region: pulumi config set --stack ${stackName} taskgate:domain tasks.example.com`,
        );
    }
    const hostedZoneId = text("taskgate:hostedZoneId") ?? (await zoneCalled(text("taskgate:hostedZoneName") ?? domain));
    const regions = (config["taskgate:regions"] ?? [home]) as readonly string[];
    const acmeDirectory = text("taskgate:acmeDirectory") ?? "letsencrypt-staging";
    const ofProvider = Object.fromEntries(Object.entries(config).filter(([key]) => key.startsWith("aws:")));

    /** The stack itself is where it stands; an example's has a folder of its own, with the secrets provider of the stack. */
    function workspaceOf({ projectName, program, stack, config: more }: Project): string {
        if (projectName === "taskgate") {
            return projectRoot;
        }
        const directory = join(projectRoot, ".local", "accept", projectName, stack);
        const all = { ...ofProvider, "aws:region": home, acmeDirectory, hostedZoneId, ...more };
        layOut(directory, program, stack, all, omit(given, "config"));
        return directory;
    }

    return {
        kind: "aws",
        account,
        regions,
        settings: { domain, hostedZoneId, acmeDirectory },
        internet: { httpsPort: 443, httpPort: 80 },
        pollMs: 1_000,
        clientConfig: (region) => ({ region }),
        operate: (operation, project, options = {}) =>
            operate(
                {
                    operation,
                    refresh: options.refresh === true,
                    unlock: options.unlock === true,
                    ...{ program: project.program, projectName: project.projectName, stack: project.stack },
                    workspace: workspaceOf(project),
                    environment: {},
                },
                { environment: process.env, log: join(projectRoot, ".local", "accept", "engine.log"), ...options },
            ),
        async state(project) {
            const workspace = await LocalWorkspace.create({ workDir: workspaceOf(project) });
            const stacks = await workspace.listStacks();
            if (!stacks.some(({ name }) => name.split("/").at(-1) === project.stack)) {
                return { resources: [], outputs: {} };
            }
            const exported = await workspace.exportStack(project.stack);
            const { resources = [] } = exported.deployment as { readonly resources?: readonly ResourceState[] };
            const outputs = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
            return { resources, outputs };
        },
        close: () => Promise.resolve(),
    };
}

function settingsOf(stackName: string): Readonly<Record<string, unknown>> {
    const file = join(projectRoot, `Pulumi.${stackName}.yaml`);
    return existsSync(file) ? ((parse(readFileSync(file, "utf8")) as Record<string, unknown> | null) ?? {}) : {};
}

async function zoneCalled(name: string): Promise<string> {
    const route53 = new Route53({ region: "us-east-1" });
    const { HostedZones = [] } = await route53.listHostedZonesByName({ DNSName: name, MaxItems: 1 });
    const [zone] = HostedZones.filter(({ Name }) => Name === `${name}.`);
    if (zone?.Id === undefined) {
        throw new Error(`Route 53 has no hosted zone ${name}: set taskgate:hostedZoneId, or taskgate:hostedZoneName.`);
    }
    return zone.Id.replace("/hostedzone/", "");
}
