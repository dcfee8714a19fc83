// What an acceptance run can deploy: the stack itself, and the classic shapes.
import { join } from "node:path";

import { projectRoot } from "../../machine/projectRoot";
import { exampleProgram } from "../scenarios/example";
import { shapes } from "../scenarios/scenarios";
import type { Looks } from "./facts";
import { shapeLooks } from "./shapeFacts";
import { stackLooks } from "./facts";
import type { Project, Settings } from "./target";

/** A life that `--shape` takes. */
export interface Life {
    readonly name: string;
    /** What it makes, for whoever is asked. */
    readonly makes: readonly string[];
    /** What it costs by the hour, in dollars, us-east-1; https://aws.amazon.com/<service>/pricing/ */
    readonly hourly: readonly (readonly [what: string, dollars: number])[];
    project(stack: string, settings: Settings): Project;
    looks(): Looks;
}

/** 0.25 vCPU and 0.5 GB, and what a task in a public subnet pays for its address. */
const task = 0.0124;
const address = 0.005;
const secretAndAlarms = [
    ["a secret, by the hour", 0.4 / 730],
    ["ten alarms, by the hour", 1 / 730],
] as const;

const stack: Life = {
    name: "stack",
    makes: [
        "network, cluster, certificate renewal, DNS sync, task definition, roles, alarms: what `pulumi preview` lists",
        "one certificate from the certificate authority of the stack's configuration",
        "one task, for some minutes",
    ],
    hourly: [
        ["a Fargate task of 0.25 vCPU and 0.5 GB", task],
        ["its public IPv4 address", address],
        ...secretAndAlarms,
    ],
    project: (stackName, { domain }) => ({
        projectName: "taskgate",
        program: join(projectRoot, "index.ts"),
        stack: stackName,
        config: { domain },
    }),
    looks: stackLooks,
};

/** Tasks at the same time, while a new version is rolled out. */
const tasks: Readonly<Record<keyof typeof shapes, number>> = { alb: 8, "end-to-end-tls": 4, nlb: 4, traefik: 12 };

function ofShape(name: keyof typeof shapes): Life {
    const shape = shapes[name];
    return {
        name,
        makes: [
            `examples/${name}: network with a NAT gateway, load balancer, cluster, at most ${tasks[name]} tasks at once, their roles, records and certificate`,
            `what it is visited by: https://${shape.host}.${name}.<the stack's domain>/`,
        ],
        hourly: [
            [`${tasks[name]} Fargate tasks of at most 0.5 vCPU and 1 GB`, tasks[name] * 2 * task],
            ["a NAT gateway, and its traffic", 0.045 + 0.045],
            ["a load balancer with one capacity unit", 0.0225 + 0.008],
            [
                "public IPv4 addresses: NAT gateway, load balancer in two zones, and of tasks",
                (3 + tasks[name]) * address,
            ],
            ...secretAndAlarms,
        ],
        project: (stackName, { domain }) => ({
            projectName: shape.example,
            program: exampleProgram(shape.example),
            stack: stackName,
            config: {
                domain: `${name}.${domain}`,
                // By which it is found, beside the tags that the example has itself.
                "aws:defaultTags": { tags: { [tagKey]: tagOf(shape.example, stackName) } },
            },
        }),
        looks: () => shapeLooks(shape),
    };
}

/** By the word that `--shape` takes. */
export const lives: readonly Life[] = [stack, ...(Object.keys(shapes) as (keyof typeof shapes)[]).map(ofShape)];

/** What everything of a run carries. */
export const tagKey = "taskgate:stack";

export function tagOf(projectName: string, stackName: string): string {
    return `${projectName}/${stackName}`;
}
