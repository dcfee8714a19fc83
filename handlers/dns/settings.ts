import { required } from "../environment";
import { failure } from "../failure";

export interface TaskDnsSettings {
    readonly hostedZoneId: string;
    /** A task is `<task id>.<domain>`. */
    readonly domain: string;
    /** Seconds. */
    readonly recordTtl: number;
    readonly clusterArn: string;
}

export function readTaskDnsSettings(): TaskDnsSettings {
    const recordTtl = Number(required("RECORD_TTL"));
    if (!Number.isInteger(recordTtl) || recordTtl < 0 || recordTtl > 2_147_483_647) {
        throw failure(
            "SettingsInvalid",
            `RECORD_TTL is "${process.env.RECORD_TTL}": give whole seconds from 0 to 2147483647, best 10 to 60.`,
        );
    }
    return {
        hostedZoneId: required("HOSTED_ZONE_ID"),
        domain: required("DOMAIN").toLowerCase().replace(/\.$/, ""),
        recordTtl,
        clusterArn: required("CLUSTER_ARN"),
    };
}
