import { createHash } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { ZoneContent } from "../../internet/dns/records";
import type { Scope } from "../../machine/awsClients";
import type { Processes } from "../../machine/processes";
import { envoyBinary } from "../../tasks/images/images";
import type { Reach } from "../../tasks/reach";
import type { KeyPair } from "../acm/overlay";
import { AwsError } from "../gateway/overlay";
import { resourceFiles } from "./envoyConfig";
import { watchTarget } from "./targetHealth";
import type { JwksSource } from "./jwtValidation";
import { balancerOperations } from "./operations";
import type { Operation } from "./operation";
import { processName, startProxy } from "./proxy";
import type { Proxy, TargetLoad } from "./proxy";
import { createState, findTargetGroup, loadBalancerArnsOf, targetGroupsOf, targetKey } from "./state";
import type { BalancerState, LoadBalancer, Target, TargetGroup } from "./state";

export interface LoadBalancingOptions {
    readonly root: string;
    readonly processes: Processes;
    /** A loopback address that nothing else has. */
    readonly address: () => string;
    /** Of an ACM certificate; undefined when there is none, or it is not issued. */
    readonly certificateOf: (arn: string) => KeyPair | undefined;
    /** Ports that stand for those below 1024, which need privileges. */
    readonly ports: Readonly<Record<number, number>>;
    /** Where the keys of tokens are fetched; asked when a load balancer is configured. */
    readonly jwks: () => Omit<JwksSource, "portOf">;
    /** Who may connect to whom; without it everybody may. */
    readonly reach?: Pick<Reach, "sourcesOf" | "refresh" | "onChange">;
    /** Resolves when what a load balancer had is free (default: 3 s later; on AWS ten seconds and more). */
    readonly freed?: () => Promise<unknown>;
    readonly log: (text: string) => void;
}

/** One target of a target group: what an ECS service registers. */
export interface TargetAddress {
    readonly targetGroupArn: string;
    readonly address: string;
    readonly port: number;
}

export interface LoadBalancing {
    /** From which load balancers in a security group connect. */
    addressesIn(scope: Scope, securityGroupId: string): readonly string[];
    call(scope: Scope, operation: string, input: unknown): object | undefined;
    /** A certificate has come or changed: load balancers use it from now on. */
    certificateChanged(): void;
    /** A load balancer has this certificate, target group, security group or subnet, or had it some seconds ago. */
    uses(arnOrId: string): boolean;
    register(scope: Scope, target: TargetAddress): void;
    /** Gets no new requests from now on; resolves when it has none left, or the deregistration delay is over. */
    deregister(scope: Scope, target: TargetAddress): Promise<void>;
    stateOf(scope: Scope, target: TargetAddress): Target["state"];
    /** A load balancer forwards to the target group. */
    isInUse(scope: Scope, targetGroupArn: string): boolean;
    /**
     * What Route 53 asks for where an alias is to know the health of its target, by the load balancer's name; undefined: there is none of that name.
     * Each of its target groups has a healthy target (https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html, EvaluateTargetHealth),
     * and it answers itself.
     */
    isHealthy(dnsName: string): boolean | undefined;
    /** Is told of each target group one of whose targets has changed its state. */
    onTargetChange(listener: (scope: Scope, targetGroupArn: string) => void): void;
    /** What its load balancers' processes are called. */
    processesIn(scope: Scope): string[];
    /** The names of the load balancers, as a DNS server publishes them. */
    zones(): readonly ZoneContent[];
    stop(): Promise<void>;
}

/**
 * Envoy's worker goes on giving a target requests for a moment after Envoy knows that it is draining, and a connection that is being opened
 * for one is no request yet: it is drained when nothing has come to it in so many looks in a row.
 */
const quietLooksOfDrained = 3;

/** What may not be deleted as long as it is used. */
function usedBy(state: BalancerState): string[] {
    const { listeners, loadBalancers } = state;
    const certificatesOfListeners = [...listeners.values()].flatMap(({ view, certificates }) => [
        ...(view.Certificates ?? []).flatMap(({ CertificateArn }) => CertificateArn ?? []),
        ...certificates,
    ]);
    const networks = [...loadBalancers.values()].flatMap(({ view }) => [
        ...(view.SecurityGroups ?? []),
        ...(view.AvailabilityZones ?? []).flatMap(({ SubnetId }) => SubnetId ?? []),
    ]);
    const targetGroups = [...loadBalancers.keys()].flatMap((arn) =>
        targetGroupsOf(state, arn).map(({ view }) => view.TargetGroupArn!),
    );
    return [...certificatesOfListeners, ...networks, ...targetGroups];
}

/** Elastic Load Balancing: all objects are ours, and each load balancer's traffic goes through an Envoy of its own. */
export function createLoadBalancing(options: LoadBalancingOptions): LoadBalancing {
    const states = new Map<string, BalancerState>();
    const proxies = new Map<string, Proxy>();
    const listeners: ((scope: Scope, targetGroupArn: string) => void)[] = [];
    const due = new Set<BalancerState>();
    const { freed = () => delay(3_000, undefined, { ref: false }) } = options;
    /** What a load balancer had until just now. */
    const released = new Set<string>();
    const portOf = (port: number): number => options.ports[port] ?? port;

    const operations: Readonly<Record<string, Operation>> = balancerOperations({
        address: options.address,
        checkCertificate(arn) {
            if (options.certificateOf(arn) === undefined) {
                throw new AwsError("CertificateNotFound", `Certificate '${arn}' not found`);
            }
        },
        isInUse: (arn) => uses(arn),
        register,
        deregister: (state, group, id, port) => void drain(state, group, id, port),
    });

    function stateOf({ accountId, region }: Scope): BalancerState {
        const key = `${accountId} ${region}`;
        const state = states.get(key) ?? createState({ accountId, region });
        states.set(key, state);
        return state;
    }

    /** Soon, once for all that changes now. */
    function configureSoon(state: BalancerState): void {
        if (!due.has(state)) {
            due.add(state);
            setImmediate(() => {
                due.delete(state);
                configure(state);
            });
        }
    }

    function configure(state: BalancerState): void {
        for (const [arn, balancer] of state.loadBalancers) {
            const directory = directoryOf(balancer);
            const proxy = proxies.get(arn) ?? start(arn, balancer, directory);
            const certificateOf = (certificate: string): KeyPair => options.certificateOf(certificate)!;
            const jwks = { ...options.jwks(), portOf };
            const { reach } = options;
            const sourcesOf =
                reach && ((ids: readonly string[], port: number) => reach.sourcesOf(state.scope, ids, port));
            proxy.configure(resourceFiles(state, balancer, { directory, portOf, certificateOf, jwks, sourcesOf }));
        }
        const { accountId, region } = state.scope;
        for (const [arn, proxy] of proxies) {
            if (arn.split(":").slice(3, 5).join(" ") === `${region} ${accountId}` && !state.loadBalancers.has(arn)) {
                proxies.delete(arn);
                void proxy.stop();
            }
        }
    }

    /** Short, as the path of a pipe has to be. */
    function directoryOf({ view }: LoadBalancer): string {
        const id = createHash("sha256").update(view.LoadBalancerArn!).digest("hex").slice(0, 12);
        return join(options.processes.directory, "balancers", id);
    }

    function start(arn: string, { view }: LoadBalancer, directory: string): Proxy {
        const { processes, root, log } = options;
        const envoy = envoyBinary(root);
        const proxy = startProxy({ processes, envoy, name: view.LoadBalancerName!, directory, log });
        proxies.set(arn, proxy);
        return proxy;
    }

    function changed(state: BalancerState, { view }: TargetGroup): void {
        configureSoon(state);
        listeners.forEach((listener) => listener(state.scope, view.TargetGroupArn!));
    }

    function register(state: BalancerState, group: TargetGroup, id: string, port: number): void {
        const key = targetKey(id, port);
        group.targets.get(key)?.ended.abort();
        const target: Target = {
            id,
            port,
            state: "initial",
            reason: "Elb.RegistrationInProgress",
            description: "Target registration is in progress",
            ended: new AbortController(),
        };
        group.targets.set(key, target);
        const from = (): string | undefined =>
            loadBalancerArnsOf(state, group.view.TargetGroupArn).flatMap(
                (arn) => state.loadBalancers.get(arn)?.address ?? [],
            )[0];
        void watchTarget(group, target, () => changed(state, group), from);
        configureSoon(state);
    }

    async function drain(state: BalancerState, group: TargetGroup, id: string, port: number): Promise<void> {
        const target = group.targets.get(targetKey(id, port));
        if (!target || target.state === "draining") {
            return;
        }
        target.ended.abort();
        const wasNew = target.state === "initial";
        Object.assign(target, {
            state: "draining",
            reason: "Target.DeregistrationInProgress",
            description: "Target deregistration is in progress",
        });
        changed(state, group);
        const deadline = Date.now() + Number(group.attributes["deregistration_delay.timeout_seconds"]) * 1_000;
        let last: number | undefined;
        let quietLooks = 0;
        while (!wasNew && Date.now() < deadline && quietLooks < quietLooksOfDrained) {
            const load = await loadAt(state, group, target);
            quietLooks = load?.active === 0 && load.total === last ? quietLooks + 1 : 0;
            last = load?.total;
            await delay(100);
        }
        if (group.targets.get(targetKey(id, port)) === target) {
            group.targets.delete(targetKey(id, port));
            configureSoon(state);
        }
    }

    /** At all load balancers together; undefined until each knows that it is draining. */
    async function loadAt(
        state: BalancerState,
        { view }: TargetGroup,
        target: Target,
    ): Promise<TargetLoad | undefined> {
        const carrying = loadBalancerArnsOf(state, view.TargetGroupArn).flatMap((arn) => proxies.get(arn) ?? []);
        const loads = await Promise.all(
            carrying.map((proxy) => proxy.loadAt(view.TargetGroupName!, target.id, target.port)),
        );
        return loads.reduce<TargetLoad | undefined>(
            (sum, load) => sum && load && { active: sum.active + load.active, total: sum.total + load.total },
            { active: 0, total: 0 },
        );
    }

    function uses(arnOrId: string): boolean {
        return released.has(arnOrId) || [...states.values()].some((state) => usedBy(state).includes(arnOrId));
    }

    options.reach?.onChange(() => states.forEach(configureSoon));

    return {
        addressesIn: (scope, securityGroupId) =>
            [...stateOf(scope).loadBalancers.values()]
                .filter(({ view }) => view.SecurityGroups?.includes(securityGroupId))
                .map(({ address }) => address),
        call(scope, name, input) {
            const operation = operations[name];
            if (!operation) {
                return undefined;
            }
            const state = stateOf(scope);
            const before = usedBy(state);
            const result = operation(state, input as never);
            const after = usedBy(state);
            const gone = before.filter((used) => !after.includes(used));
            if (gone.length > 0) {
                gone.forEach((used) => released.add(used));
                void freed().then(() => gone.forEach((used) => released.delete(used)));
            }
            if (!name.startsWith("Describe")) {
                configureSoon(state);
            }
            if (["CreateLoadBalancer", "DeleteLoadBalancer", "SetSecurityGroups"].includes(name)) {
                void options.reach?.refresh(scope);
            }
            return result;
        },
        certificateChanged: () => states.forEach(configureSoon),
        uses,
        register(scope, { targetGroupArn, address, port }) {
            const state = stateOf(scope);
            register(state, findTargetGroup(state, targetGroupArn), address, port);
        },
        async deregister(scope, { targetGroupArn, address, port }) {
            const state = stateOf(scope);
            const group = state.targetGroups.get(targetGroupArn);
            await (group && drain(state, group, address, port));
        },
        stateOf(scope, { targetGroupArn, address, port }) {
            const state = stateOf(scope);
            const isInUse = loadBalancerArnsOf(state, targetGroupArn).length > 0;
            const target = state.targetGroups.get(targetGroupArn)?.targets.get(targetKey(address, port));
            return isInUse && target ? target.state : "unused";
        },
        isInUse: (scope, targetGroupArn) => loadBalancerArnsOf(stateOf(scope), targetGroupArn).length > 0,
        isHealthy(dnsName) {
            for (const state of states.values()) {
                for (const [arn, { view }] of state.loadBalancers) {
                    if (view.DNSName?.toLowerCase() === dnsName.toLowerCase()) {
                        // A group without targets has no healthy one.
                        const hasTargets = targetGroupsOf(state, arn).every(({ targets }) =>
                            [...targets.values()].some((target) => target.state === "healthy"),
                        );
                        return hasTargets && proxies.get(arn)?.answers() !== false;
                    }
                }
            }
            return undefined;
        },
        onTargetChange: (listener) => void listeners.push(listener),
        processesIn: (scope) =>
            [...stateOf(scope).loadBalancers.values()].map(({ view }) => processName(view.LoadBalancerName!)),
        zones() {
            const balancers = [...states.values()].flatMap(({ loadBalancers }) => [...loadBalancers.values()]);
            return balancers.map(({ view, address }) => {
                const name = `${view.DNSName!.toLowerCase()}.`;
                const set = { Name: name, Type: "A" as const, TTL: 60, ResourceRecords: [{ Value: address }] };
                return { name, sets: new Map([[name, [set]]]) };
            });
        },
        async stop() {
            states.forEach(({ targetGroups }) =>
                targetGroups.forEach(({ targets }) => targets.forEach(({ ended }) => ended.abort())),
            );
            await Promise.all([...proxies.values()].map((proxy) => proxy.stop()));
            proxies.clear();
        },
    };
}
