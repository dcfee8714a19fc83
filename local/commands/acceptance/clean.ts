// Removes what a run has left: by the state of its stack what that knows, by its tag what nobody wrote down.
import { setTimeout as delay } from "node:timers/promises";

import { awsBy } from "../../aws/resources/sdk";
import { stopTasks, tagged } from "./tagged";
import { tagOf } from "./projects";
import type { Project, Target } from "./target";

/** What AWS says of what is still used by something that goes, or is about to. */
const patienceMinutes = 15;

/** Gives what is left all the same, each with the reason. */
export async function clean(target: Target, project: Project, say: (text: string) => void): Promise<readonly string[]> {
    const { resources } = await target.state(project);
    let isDestroyed = true;
    if (resources.length > 0) {
        for (const { outputs } of resources.filter(({ type }) => type === "aws:ecs/cluster:Cluster")) {
            const arn = String(outputs?.arn);
            await stopTasks(awsIn(target, arn.split(":")[3]), arn);
        }
        isDestroyed = await target.operate("destroy", project, { unlock: true }).then(
            () => true,
            (error: Error) => {
                say(`pulumi destroy has not done all: ${error.message.split("\n")[0]}`);
                return false;
            },
        );
    }
    const left = await removeTagged(target, project, say);
    if (!isDestroyed) {
        // What the state still knows has gone by its tag.
        await target.operate("destroy", project, { unlock: true, refresh: true });
    }
    const known = (await target.state(project)).resources.map(({ urn }) => urn);
    return [...left, ...known.filter((urn) => !urn.includes("::pulumi:pulumi:Stack::"))];
}

/** Everything that carries the run's tag, whatever its state knows; dependents come first, and what is in use is tried again. */
export async function removeTagged(
    target: Target,
    project: Project,
    say: (text: string) => void,
): Promise<readonly string[]> {
    const deadline = Date.now() + patienceMinutes * 60_000;
    const reasons = new Map<string, string>();
    for (;;) {
        const found = (await Promise.all(target.regions.map((region) => findTagged(target, region, project)))).flat();
        if (found.length === 0) {
            return [];
        }
        if (Date.now() > deadline) {
            return found.map(({ what }) => `${what}: ${reasons.get(what) ?? "it is still there"}`);
        }
        for (const { what, remove } of found) {
            if (!reasons.has(what)) {
                say(`removing ${what}`);
            }
            reasons.set(
                what,
                await remove().then(
                    () => "it is still there",
                    (error: Error) => `${error.name}: ${error.message}`,
                ),
            );
        }
        await delay(target.pollMs);
    }
}

/** What carries the run's tag in a region; the names that it has in the zone among it. */
export function findTagged(target: Target, region: string, { projectName, stack, config }: Project) {
    return tagged(awsIn(target, region), {
        value: tagOf(projectName, stack),
        clientConfig: (of) => target.clientConfig(of),
        hostedZoneId: target.settings.hostedZoneId,
        domain: projectName === "taskgate" ? `${region}.${target.settings.domain}` : String(config.domain),
    });
}

function awsIn(target: Target, region: string) {
    return awsBy(target.clientConfig(region), { region, accountId: target.account });
}
