import type { ResourceRecordSet, RRType } from "@aws-sdk/client-route-53";

/** A record set of 60 seconds. */
export function recordSet(type: string, name: string, ...values: string[]): ResourceRecordSet {
    return { Type: type as RRType, Name: name, TTL: 60, ResourceRecords: values.map((Value) => ({ Value })) };
}
