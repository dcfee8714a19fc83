import { omit } from "../omit";

/** How a container's words are translated for a process that shares the machine with the other tasks. */
export interface Translation {
    /** The task's own address: stands for the loopback and the wildcard address of its network namespace. */
    readonly address: string;
    /** Where a mounted path of the container is, relative to the task's directory. */
    readonly mounts: Readonly<Record<string, string>>;
    readonly sharesLoopback: boolean;
}

/** An argument or the value of an environment variable: an Envoy bootstrap as JSON, a script, or a plain word. */
export function translate(text: string, translation: Translation): string {
    const moved = translateMounts(text, translation.mounts);
    if (!translation.sharesLoopback) {
        return moved;
    }
    const bootstrap = parseBootstrap(moved);
    return bootstrap === undefined
        ? translateEntryPoint(translateLoopback(moved, translation.address), translation.address)
        : JSON.stringify(translateBootstrap(bootstrap, translation.address));
}

/** A word of a health check's command, which ECS runs inside the container. */
export function translateHealthCheck(text: string, { mounts, address }: Translation): string {
    return translateLoopback(translateMounts(text, mounts), address);
}

/** Where Traefik listens: `--entryPoints.web.address=:8000` or `0.0.0.0:8000`. */
function translateEntryPoint(text: string, address: string): string {
    return text.replace(/(\.address=)(?:0\.0\.0\.0)?:(?=\d)/gi, `$1${address}:`);
}

function translateLoopback(text: string, address: string): string {
    return text.replace(/\b127\.0\.0\.1\b|\blocalhost\b/g, address);
}

function translateMounts(text: string, mounts: Readonly<Record<string, string>>): string {
    return Object.entries(mounts).reduce(
        (result, [containerPath, path]) =>
            result.replace(
                new RegExp(`(?<![\\w./-])${containerPath.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\w.-])`, "g"),
                path,
            ),
        text,
    );
}

function parseBootstrap(text: string): object | undefined {
    if (!text.startsWith("{")) {
        return undefined;
    }
    try {
        return JSON.parse(text) as object;
    } catch {
        return undefined; // a script may start with a brace, too
    }
}

const everywhere = new Set(["0.0.0.0", "::", "127.0.0.1", "::1", "localhost"]);

/** Socket addresses move to the task's own address, pipes into its directory. */
function translateBootstrap(value: unknown, address: string): unknown {
    if (Array.isArray(value)) {
        return value.map((element) => translateBootstrap(element, address));
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    return Object.fromEntries(
        Object.entries(value).map(([key, inner]: [string, unknown]) => {
            if (key === "socket_address" || key === "socketAddress") {
                return [key, translateSocketAddress(inner as Record<string, unknown>, address)];
            }
            if (key === "pipe") {
                const pipe = inner as { readonly path: string };
                return [key, { ...pipe, path: pipe.path.replace(/^\//, "") }];
            }
            return [key, translateBootstrap(inner, address)];
        }),
    );
}

function translateSocketAddress(socketAddress: Record<string, unknown>, address: string): Record<string, unknown> {
    if (!everywhere.has(String(socketAddress.address))) {
        return socketAddress;
    }
    return { ...omit(socketAddress, "ipv4_compat", "ipv4Compat"), address }; // they are for "::" only
}

/** The directories of the pipes in a bootstrap, which the container's own file system would have. */
export function pipeDirectories(text: string): string[] {
    return [...text.matchAll(/"pipe":\{[^{}]*"path":"([^"]+)\/[^"/]+"/g)].map((match) => match[1]);
}
