/** What the containers of a task with Envoy get of it. */
export interface SidecarSize {
    /** Envoy's worker threads: one a vCPU. Left alone, Envoy would start one for each of the host's cores. */
    readonly concurrency: number;
    /** CPU shares: what each gets while all want more than there is. Nobody's share is lost: others take what one leaves. */
    readonly shares: { readonly app: number; readonly envoy: number; readonly lifecycle: number };
    /** MiB that Envoy's container may use. */
    readonly memory: number;
    /** Bytes of heap near which Envoy refuses work. Its code takes 52 MiB besides, and what it has accepted grows on, by a third of that. */
    readonly heapBytes: number;
    /** Client connections at once: each may be a WebSocket, with its own connection to the app, which takes 54 KiB of heap. */
    readonly connections: number;
}

/** Each may need one to the app besides: of Fargate's 65,535 open files and Linux's 28,232 ports of a client on the loopback. */
const mostConnections = 16_000;

/**
 * By the CPU units of the task. A quarter is Envoy's: it serves while the app is busy, and a flood of TLS handshakes leaves the app its
 * share. Without shares of its own the app would have 2 (ECS's default) against them. `lifecycle` needs some to judge in time.
 */
export function sidecarSize(taskCpu: number): SidecarSize {
    const concurrency = Math.max(1, Math.floor(taskCpu / 1024));
    const [envoy, lifecycle] = [taskCpu / 4, taskCpu / 16];
    return {
        concurrency,
        shares: { app: taskCpu - envoy - lifecycle, envoy, lifecycle },
        memory: 64 + 108 * concurrency,
        heapBytes: 80 * 2 ** 20 * concurrency,
        connections: Math.min(1_000 * concurrency, mostConnections),
    };
}
