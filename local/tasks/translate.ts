import { existsSync } from "node:fs";

import { omit } from "../machine/omit";
import { reachFilter } from "./reach";
import type { IsOpen } from "./securityGroups";

/** How a container's words are translated for a process that shares the machine with the other tasks. */
export interface Translation {
    /** Of the task's network interface: what listens here can be reached from outside. */
    readonly address: string;
    /** Stands for the loopback address of the task's network namespace. */
    readonly loopback: string;
    /** What the health check of this container finds at the loopback address. */
    readonly ownLoopback: string;
    /** Whether the security groups open a port; what listens on every address is otherwise on the loopback alone. */
    readonly isOpen: IsOpen;
    /** Where it stands who may connect to an open port; undefined: everybody may. */
    readonly reachFileOf?: (port: number) => string | undefined;
    /** Where a mounted path of the container is, relative to the task's directory. */
    readonly mounts: Readonly<Record<string, string>>;
    readonly sharesLoopback: boolean;
    /** Where the files of a built image are; undefined: it has none. */
    readonly files?: string;
}

/** An argument or the value of an environment variable: an Envoy bootstrap as JSON, a script, or a plain word. */
export function translate(text: string, translation: Translation): string {
    const moved = translateFiles(translateMounts(text, translation.mounts), translation.files);
    if (!translation.sharesLoopback) {
        return moved;
    }
    const bootstrap = parseBootstrap(moved);
    return bootstrap === undefined
        ? translateLoopback(translateEntryPoint(moved, translation), translation.loopback)
        : JSON.stringify(translateBootstrap(bootstrap, translation));
}

/** A word of a health check's command, which ECS runs inside the container. */
export function translateHealthCheck(text: string, translation: Translation): string {
    const moved = translateFiles(translateMounts(text, translation.mounts), translation.files);
    return translateLoopback(translateEntryPoint(moved, translation), translation.ownLoopback);
}

/** Where Traefik listens, and where its own check asks it: `--entryPoints.web.address=:8000`. It is one address. */
function translateEntryPoint(text: string, { address, loopback, isOpen }: Translation): string {
    return text.replace(
        /(?<=\.address=)(?:0\.0\.0\.0|127\.0\.0\.1)?:(\d+)$/i,
        (_, port: string) => `${isOpen(Number(port)) ? address : loopback}:${port}`,
    );
}

function translateLoopback(text: string, loopback: string): string {
    return text.replace(/\b127\.0\.0\.1\b|\blocalhost\b/g, loopback);
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

/** Absolute paths that the image has. */
function translateFiles(text: string, files: string | undefined): string {
    return files === undefined
        ? text
        : text.replace(/(?<=^|[\s=:"'])\/[^\s=:"']+/g, (path) => (existsSync(files + path) ? files + path : path));
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

type Json = Readonly<Record<string, unknown>>;

const wildcards = new Set(["0.0.0.0", "::"]);
const everywhere = new Set([...wildcards, "127.0.0.1", "::1", "localhost"]);

/** Listeners move to the interface, if their port is open, and to the loopback; clusters to the loopback, pipes into the task's directory. */
function translateBootstrap(value: unknown, translation: Translation): unknown {
    if (Array.isArray(value)) {
        return value.map((element) => translateBootstrap(element, translation));
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    return Object.fromEntries(
        Object.entries(value).map(([key, inner]: [string, unknown]) => {
            if (key === "socket_address" || key === "socketAddress") {
                return [key, translateSocketAddress(inner as Json, translation.loopback)];
            }
            if (key === "pipe") {
                const pipe = inner as { readonly path: string };
                return [key, { ...pipe, path: pipe.path.replace(/^\//, "") }];
            }
            if (key === "listeners") {
                return [key, (inner as Json[]).map((listener) => translateListener(listener, translation))];
            }
            return [key, translateBootstrap(inner, translation)];
        }),
    );
}

function translateListener(listener: Json, translation: Translation): Json {
    const translated = translateBootstrap(listener, translation) as Json;
    const [[key, socketAddress]] = Object.entries(listener.address as Record<string, Json>);
    if (!wildcards.has(String(socketAddress.address)) || !translation.isOpen(portOf(socketAddress))) {
        return translated;
    }
    const reachFile = translation.reachFileOf?.(portOf(socketAddress));
    return {
        ...(reachFile === undefined ? translated : guarded(translated, reachFilter(reachFile))),
        address: { [key]: translateSocketAddress(socketAddress, translation.address) },
        additional_addresses: [...((translated.additional_addresses as Json[]) ?? []), { address: translated.address }],
    };
}

/** With a filter before those of each chain, in whichever of JSON's spellings they are. */
function guarded(listener: Json, filter: Json): Json {
    const key = "filterChains" in listener ? "filterChains" : "filter_chains";
    const chains = (listener[key] ?? []) as readonly { readonly filters?: readonly Json[] }[];
    return { ...listener, [key]: chains.map((chain) => ({ ...chain, filters: [filter, ...(chain.filters ?? [])] })) };
}

function portOf(socketAddress: Json): number {
    return Number(socketAddress.port_value ?? socketAddress.portValue);
}

function translateSocketAddress(socketAddress: Json, address: string): Json {
    if (!everywhere.has(String(socketAddress.address))) {
        return socketAddress;
    }
    return { ...omit(socketAddress, "ipv4_compat", "ipv4Compat"), address }; // they are for "::" only
}

/** The directories of the pipes in a bootstrap, which the container's own file system would have. */
export function pipeDirectories(text: string): string[] {
    return [...text.matchAll(/"pipe":\{[^{}]*"path":"([^"]+)\/[^"/]+"/g)].map((match) => match[1]);
}
