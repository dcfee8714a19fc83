import { required, type Variables } from "../environment";
import { failure } from "../failure";

/** From when on a task has its name: as soon as its address is known, when it runs, or when its health checks say so. */
export type PublishAt = "PENDING" | "RUNNING" | "HEALTHY";

/** Which tasks of the cluster get names; all, where a list is empty. */
export interface TaskFilter {
    /** Families of task definitions. */
    readonly families: readonly string[];
    /** Names of ECS services. */
    readonly services: readonly string[];
    /** Tags that a task must have, with these values. */
    readonly tags: Readonly<Record<string, string>>;
}

export interface TaskDnsSettings {
    readonly hostedZoneId: string;
    /** Role that may change the zone, where that is another account's. */
    readonly zoneRoleArn?: string;
    readonly domain: string;
    /** What stands before the domain, e.g. `{taskId}` or `{tag:session}`. */
    readonly nameTemplate: string;
    /** Seconds. */
    readonly recordTtl: number;
    readonly clusterArn: string;
    readonly tableName: string;
    readonly queueUrl: string;
    readonly deadLetterQueueUrl: string;
    /** Where word is left of names that were accepted, if they are to be announced. */
    readonly acceptedQueueUrl?: string;
    readonly publishAt: PublishAt;
    /** AAAA records too. */
    readonly ipv6: boolean;
    readonly filter: TaskFilter;
}

export function readTaskDnsSettings(variables: Variables = process.env): TaskDnsSettings {
    const need = (name: string) => required(name, variables);
    const recordTtl = Number(need("RECORD_TTL"));
    if (!Number.isInteger(recordTtl) || recordTtl < 0 || recordTtl > 2_147_483_647) {
        throw failure(
            "SettingsInvalid",
            `RECORD_TTL is "${variables.RECORD_TTL}": give whole seconds from 0 to 2147483647, best 10 to 60.`,
        );
    }
    const publishAt = need("PUBLISH_AT");
    if (publishAt !== "PENDING" && publishAt !== "RUNNING" && publishAt !== "HEALTHY") {
        throw failure("SettingsInvalid", `PUBLISH_AT is "${publishAt}": give PENDING, RUNNING or HEALTHY.`);
    }
    return {
        hostedZoneId: need("HOSTED_ZONE_ID"),
        zoneRoleArn: variables.ZONE_ROLE_ARN || undefined,
        domain: need("DOMAIN").toLowerCase().replace(/\.$/, ""),
        nameTemplate: need("NAME_TEMPLATE"),
        recordTtl,
        clusterArn: need("CLUSTER_ARN"),
        tableName: need("TABLE_NAME"),
        queueUrl: need("QUEUE_URL"),
        deadLetterQueueUrl: need("DEAD_LETTER_QUEUE_URL"),
        acceptedQueueUrl: variables.ACCEPTED_QUEUE_URL || undefined,
        publishAt,
        ipv6: need("IPV6") === "true",
        filter: { families: [], services: [], tags: {}, ...(JSON.parse(need("TASK_FILTER")) as object) },
    };
}
