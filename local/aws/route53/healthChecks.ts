// Route 53's health checks: kept, made, and what they say.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import type { HealthCheckConfig, Tag, UpdateHealthCheckRequest } from "@aws-sdk/client-route-53";

import { AwsError } from "../gateway/overlay";
import type { AwsRequest } from "../gateway/overlay";
import { look } from "./healthLook";
import type { Place } from "./healthLook";

export interface HealthCheckOptions {
    /** Where a name's or an address's port is on this machine; undefined: the name does not exist (default: nothing is anywhere). */
    readonly locate?: (endpoint: string, port: number) => Place | undefined;
    /** How long a second between two looks lasts, in milliseconds (default 1000). */
    readonly secondMs?: number;
}

export interface HealthChecks {
    /** The answer's root element and what is in it; undefined for what is not about health checks. */
    handle(request: AwsRequest): Promise<{ readonly root: string; readonly content: object } | undefined>;
    exists(accountId: string, id: string): boolean;
    /** What a record that has it follows; one that was deleted is taken for healthy. */
    isHealthy(id: string): boolean;
    stop(): void;
}

/** The regions of the checkers, unless a check names others: https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html */
const checkerRegions = [
    ...["us-east-1", "us-west-1", "us-west-2", "eu-west-1"],
    ...["ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "sa-east-1"],
];

/** Of the checkers, more than this share has to find an endpoint healthy. */
const healthyShare = 0.18;

interface Observation {
    readonly region: string;
    isHealthy: boolean;
    status: string;
    checkedAt: Date | undefined;
}

interface Check {
    readonly id: string;
    readonly accountId: string;
    readonly callerReference: string;
    config: HealthCheckConfig;
    version: number;
    tags: readonly Tag[];
    observations: readonly Observation[];
    ended: AbortController;
}

export function createHealthChecks({ locate = () => undefined, secondMs = 1_000 }: HealthCheckOptions): HealthChecks {
    const checks = new Map<string, Check>();

    function find({ accountId }: AwsRequest, id: string): Check {
        const check = checks.get(id);
        if (check?.accountId !== accountId) {
            throw new AwsError("NoSuchHealthCheck", `No health check exists with the specified ID ${id}.`, 404);
        }
        return check;
    }

    function isHealthy(id: string, above: readonly string[] = []): boolean {
        const check = checks.get(id);
        if (check === undefined || above.includes(id)) {
            return true;
        }
        const { config } = check;
        // https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html, Disabled
        const found =
            config.Disabled === true || (isEndpoint(config) ? byCheckers(check) : byChildren(config, [...above, id]));
        return found !== (config.Inverted === true);
    }

    function byChildren({ ChildHealthChecks = [], HealthThreshold = 0 }: HealthCheckConfig, above: string[]): boolean {
        return ChildHealthChecks.filter((child) => isHealthy(child, above)).length >= HealthThreshold;
    }

    /** Forgets what was seen. */
    function watch(check: Check): void {
        check.ended.abort();
        check.ended = new AbortController();
        const { config } = check;
        check.observations = isEndpoint(config)
            ? (config.Regions ?? checkerRegions).map((region) => ({
                  region,
                  isHealthy: true, // until there is another status
                  status: "",
                  checkedAt: undefined,
              }))
            : [];
        if (config.Disabled !== true) {
            check.observations.forEach((observation) => void observe(check, observation, check.ended.signal));
        }
    }

    /** Checkers know nothing of each other: they begin at different times. */
    async function observe({ id, config }: Check, observation: Observation, signal: AbortSignal): Promise<void> {
        const intervalMs = (config.RequestInterval ?? 30) * secondMs;
        const pause = (ms: number) => delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
        let others = 0;
        await pause(Math.random() * intervalMs);
        while (!signal.aborted) {
            const endpoint = config.IPAddress ?? config.FullyQualifiedDomainName ?? "";
            const seen = await look(config, locate(endpoint, portOf(config)), id);
            if (signal.aborted) {
                return;
            }
            others = seen.isHealthy === observation.isHealthy ? 0 : others + 1;
            if (others >= (config.FailureThreshold ?? 3)) {
                others = 0;
                observation.isHealthy = seen.isHealthy;
            }
            Object.assign(observation, { status: seen.status, checkedAt: new Date() });
            await pause(intervalMs);
        }
    }

    function create({ accountId, parameters }: AwsRequest) {
        const { CallerReference = "", HealthCheckConfig: config } = parameters as {
            readonly CallerReference?: string;
            readonly HealthCheckConfig: HealthCheckConfig;
        };
        const same = [...checks.values()].find(
            (check) => check.accountId === accountId && check.callerReference === CallerReference,
        );
        if (same !== undefined) {
            throw new AwsError("HealthCheckAlreadyExists", `A health check with ${CallerReference} exists.`, 409);
        }
        refuseOthers(config);
        const check: Check = {
            ...{ id: randomUUID(), accountId, callerReference: CallerReference, version: 1, tags: [] },
            ...{ config: withDefaults(config), observations: [], ended: new AbortController() },
        };
        checks.set(check.id, check);
        watch(check);
        return { HealthCheck: viewOf(check) };
    }

    function update(request: AwsRequest) {
        const { HealthCheckId, HealthCheckVersion, ResetElements, ...changed } =
            request.parameters as unknown as UpdateHealthCheckRequest;
        const check = find(request, HealthCheckId ?? "");
        if (HealthCheckVersion !== undefined && HealthCheckVersion !== check.version) {
            throw new AwsError("HealthCheckVersionMismatch", "The value of HealthCheckVersion does not match.", 409);
        }
        const reset = Object.fromEntries((ResetElements ?? []).map((element) => [element, undefined]));
        check.config = withDefaults({ ...check.config, ...reset, ...changed });
        check.version++;
        watch(check);
        return { HealthCheck: viewOf(check) };
    }

    function changeTags(check: Check, { parameters = {} }: AwsRequest): object {
        const added = (parameters.AddTags ?? []) as readonly Tag[];
        const removed = (parameters.RemoveTagKeys ?? []) as readonly string[];
        const keys = [...added.map(({ Key }) => Key), ...removed];
        check.tags = [...check.tags.filter(({ Key }) => !keys.includes(Key)), ...added];
        return {};
    }

    function contentOf(request: AwsRequest): object | undefined {
        const { operation, parameters = {} } = request;
        const check = () => find(request, String(parameters.HealthCheckId ?? parameters.ResourceId));
        switch (operation ?? "") {
            case "CreateHealthCheck":
                return create(request);
            case "GetHealthCheck":
                return { HealthCheck: viewOf(check()) };
            case "UpdateHealthCheck":
                return update(request);
            case "DeleteHealthCheck":
                check().ended.abort();
                checks.delete(check().id);
                return {};
            case "ListHealthChecks":
                return {
                    HealthChecks: {
                        HealthCheck: [...checks.values()]
                            .filter(({ accountId }) => accountId === request.accountId)
                            .map(viewOf),
                    },
                    ...{ Marker: "", IsTruncated: false, MaxItems: 100 },
                };
            case "GetHealthCheckStatus":
                return { HealthCheckObservations: { HealthCheckObservation: observationsOf(check()) } };
            case "ChangeTagsForResource":
                return parameters.ResourceType === "healthcheck" ? changeTags(check(), request) : undefined;
            case "ListTagsForResource":
                return parameters.ResourceType === "healthcheck"
                    ? {
                          ResourceTagSet: {
                              ...{ ResourceType: "healthcheck", ResourceId: check().id },
                              Tags: { Tag: check().tags },
                          },
                      }
                    : undefined;
            default:
                return undefined;
        }
    }

    return {
        handle(request) {
            const content = contentOf(request);
            return Promise.resolve(content && { root: `${request.operation}Response`, content });
        },
        exists: (accountId, id) => checks.get(id)?.accountId === accountId,
        isHealthy: (id) => isHealthy(id),
        stop: () => checks.forEach(({ ended }) => ended.abort()),
    };
}

function isEndpoint({ Type }: HealthCheckConfig): boolean {
    return Type !== "CALCULATED";
}

function byCheckers({ observations }: Check): boolean {
    const healthy = observations.filter((observation) => observation.isHealthy).length;
    return healthy > observations.length * healthyShare;
}

function refuseOthers({ Type }: HealthCheckConfig): void {
    if (Type === "CLOUDWATCH_METRIC" || Type === "RECOVERY_CONTROL") {
        throw new AwsError("InvalidInput", `Health checks of type ${Type} are not made on this machine.`);
    }
}

/** What AWS answers for what was left out. */
function withDefaults(config: HealthCheckConfig): HealthCheckConfig {
    const common = { ...config, Inverted: config.Inverted ?? false, Disabled: config.Disabled ?? false };
    return isEndpoint(config)
        ? {
              ...common,
              Port: portOf(config),
              RequestInterval: config.RequestInterval ?? 30,
              FailureThreshold: config.FailureThreshold ?? 3,
              MeasureLatency: config.MeasureLatency ?? false,
              EnableSNI: config.EnableSNI ?? config.Type?.startsWith("HTTPS"),
          }
        : common;
}

function portOf({ Type, Port }: HealthCheckConfig): number {
    return Port ?? (Type?.startsWith("HTTPS") === true ? 443 : 80);
}

function viewOf({ id, callerReference, config, version }: Check): object {
    const { Regions, ChildHealthChecks, ...rest } = config;
    const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    return {
        ...{ Id: id, CallerReference: callerReference },
        HealthCheckConfig: {
            ...given,
            ...(Regions && { Regions: { Region: Regions } }),
            ...(ChildHealthChecks && { ChildHealthChecks: { ChildHealthCheck: ChildHealthChecks } }),
        },
        HealthCheckVersion: version,
    };
}

/** Of what was looked at. */
function observationsOf({ config, observations }: Check): object[] {
    if (!isEndpoint(config)) {
        throw new AwsError("InvalidInput", "A calculated health check is not looked at: it has no status of checkers.");
    }
    return observations.flatMap(({ region, status, checkedAt }, index) =>
        checkedAt === undefined
            ? []
            : {
                  Region: region,
                  IPAddress: `192.0.2.${index + 1}`,
                  StatusReport: { Status: status, CheckedTime: checkedAt.toISOString() },
              },
    );
}
