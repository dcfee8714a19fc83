// The stack and the examples as they stand here, run against the mock engine.
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { parse } from "yaml";

import { Patching, TaskPlatform, TaskPlatformArgs } from "../../components";
import { record, Recording } from "./mocks";
import { root } from "./plugin";
import { stackConfig } from "./stackConfig";

const examples = pathToFileURL(join(root, "examples") + "/").href;

// They take the package from npm; in this checkout it is the package as it stands here.
registerHooks({
    resolve: (specifier, context, nextResolve) =>
        specifier === "taskgate" && context.parentURL?.startsWith(examples)
            ? nextResolve(join(root, "components", "index.ts"), context)
            : nextResolve(specifier, context),
});

/** The stack, told of by e-mail, with a service, records of its zone and a dashboard. */
export function recordStack(): Promise<Recording<unknown>> {
    const config = stackConfig("prod", {
        "taskgate:domain": "example.com",
        "taskgate:hostedZoneId": "Z123",
        "taskgate:regions": ["eu-west-1"],
        "taskgate:notificationEmail": "ops@example.com",
        "taskgate:desiredCount": 2,
        "taskgate:negativeTtl": 60,
        "taskgate:caaIssuer": "letsencrypt.org",
        "taskgate:dashboard": true,
    });
    return record(() => loaded(join(root, "index.ts")), { stack: "prod", config });
}

/** Patching as docs/operations.md shows it, told of by alarms. */
export function recordPatching(): Promise<Recording<unknown>> {
    return record(
        () =>
            new Patching("patching", {
                clusterArn: "arn:aws:ecs:eu-west-1:111122223333:cluster/apps",
                maintenanceWindow: { schedule: "cron(0 2 ? * SUN *)", scheduleTimezone: "Europe/Dublin", duration: 4 },
                stopTasks: true,
                alarmTopicArn: "arn:aws:sns:eu-west-1:111122223333:alerts",
                tags: { project: "shop" },
            }),
    );
}

/** What the examples ask to be configured, each some of it. */
const config = {
    "taskgate:domain": "example.com",
    "taskgate:hostedZoneId": "Z123",
    "taskgate:acmeDirectory": "letsencrypt-staging",
    "taskgate:httpsPort": "443",
    "taskgate:httpPort": "80",
    "taskgate:image": "docker.io/traefik/whoami:v1.11.0",
    "taskgate:version": "1.0",
    "taskgate:issuer": "https://id.example.com",
    "taskgate:audience": "boards",
    "taskgate:vpcId": "vpc-1",
    "taskgate:subnetIds": '["subnet-1", "subnet-2"]',
};

/** An example by its folder; what its Pulumi.yaml has a default for is that, unless it is given. */
export function recordExample(name: string, given: Record<string, string> = {}): Promise<Recording<unknown>> {
    const folder = join(root, "examples", name);
    const { config: schema } = parse(readFileSync(join(folder, "Pulumi.yaml"), "utf8")) as YamlProgram;
    const defaults = Object.entries(schema).flatMap(([key, { default: value }]) =>
        value === undefined ? [] : [[`taskgate:${key}`, typeof value === "string" ? value : JSON.stringify(value)]],
    );
    const program = (): unknown =>
        name === "yaml" ? yamlProgram(folder) : inFolder(folder, () => loaded(join(folder, "index.ts")));
    return record(program, {
        config: { ...Object.fromEntries(defaults), ...config, ...given } as Record<string, string>,
    });
}

/** Anew: the module is the deployment. */
function loaded(path: string): unknown {
    delete require.cache[path];
    return module.require(path);
}

/** Paths of what is built are relative to the program's folder. */
function inFolder<T>(folder: string, run: () => T): T {
    const before = process.cwd();
    process.chdir(folder);
    try {
        return run();
    } finally {
        process.chdir(before);
    }
}

interface YamlProgram {
    readonly config: Readonly<Record<string, { readonly default?: unknown }>>;
    readonly resources: Readonly<Record<string, { readonly type: string; readonly properties: object }>>;
}

function yamlProgram(folder: string): void {
    const text = readFileSync(join(folder, "Pulumi.yaml"), "utf8").replace(
        /\$\{([\w.]+)\}/g,
        (variable, key: string) => (key in valuesOfYaml ? valuesOfYaml[key] : variable),
    );
    for (const [name, { type, properties }] of Object.entries((parse(text) as YamlProgram).resources)) {
        if (type !== "taskgate:index:TaskPlatform") {
            throw new Error(`${name} of ${folder} is a ${type}: make it here`);
        }
        new TaskPlatform(name, properties as TaskPlatformArgs);
    }
}

const valuesOfYaml: Readonly<Record<string, string>> = {
    "pulumi.project": "games",
    ...Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("taskgate:", ""), value])),
};
