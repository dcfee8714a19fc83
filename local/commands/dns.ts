import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EC2Client } from "@aws-sdk/client-ec2";
import { Route53Client } from "@aws-sdk/client-route-53";
import type { Command } from "commander";

import type { Caller } from "../internet/caller";
import { compare, readNames, type NameLine, type Names } from "../internet/names";
import { clientConfig } from "../machine/awsClients";
import { chosenCallers, deployedFunction, type DeployedOptions, type Place, readsDeployed, tellOfEach } from "./chosen";
import { cut, layOut } from "./taskTable";
import { age } from "./values";

export function define(command: Command): void {
    readsDeployed(command, "writes the records (dnsFunctionName)").action((options: DeployedOptions) =>
        tellOfEach(
            placesOf(command, options),
            options.json,
            (place, lines) => namesTable(place, lines, process.stdout.columns),
            (lines) => !lines.some(({ difference }) => difference),
        ),
    );
}

function placesOf(command: Command, options: DeployedOptions): Place<readonly NameLine[]>[] {
    const deployed = deployedFunction(options, "TaskDns", "dnsFunctionName");
    if (deployed !== undefined) {
        const { region, functionName } = deployed;
        // Not even loaded without --aws.
        return [[region, async () => compare(await (await import("./namesOnAws")).namesOnAws(region, functionName))]];
    }
    return chosenCallers(command).map((caller) => [caller.region, async () => compare(await namesHere(caller))]);
}

function namesHere({ system, region, outputs, ecs, lambda }: Caller): Promise<Names> {
    const config = clientConfig(system.gatewayUrl, { accountId: system.accountId, region });
    return readNames(
        {
            ...{ ecs, lambda },
            ec2: new EC2Client(config),
            dynamodb: new DynamoDBClient(config),
            route53: new Route53Client(config),
        },
        outputs.dnsFunctionName,
    );
}

/** As one reads it: what stands where, and in the last column what differs. */
export function namesTable(place: string, names: readonly NameLine[], columns = Infinity, now = new Date()): string[] {
    const different = names.filter(({ difference }) => difference).length;
    const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;
    const head = `${place}: ${count(names.length, "task")}, ${different === 0 ? "nothing differs" : `${count(different, "difference")}`}`;
    const heads = ["TASK", "ECS SAYS", "ADDRESS", "REGISTRY", "FOR", "ADDRESS", "ZONE", ""];
    const rows = (length: number) =>
        names.map(({ id, task, registry, since, addresses, difference }) => [
            id.slice(0, length),
            task ?? "",
            addresses.task.join(" "),
            registry ?? "",
            age(since, now),
            addresses.registry.join(" "),
            addresses.zone.join(" "),
            difference ?? "",
        ]);
    const whole = layOut(heads, rows(32));
    const lines = whole.every(({ length }) => length + 2 <= columns) ? whole : layOut(heads, rows(8));
    return [head, ...(names.length === 0 ? [] : lines.map((line) => cut(`  ${line}`, columns)))];
}
