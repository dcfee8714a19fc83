// What clients that mean harm do to a sidecar, each kind for a minute.
import {
    drippedBody,
    endlessHeaders,
    Flood,
    handshake,
    indexedHeaders,
    resetStreams,
    servedOnce,
    unreadAnswer,
    unreadBody,
    unreadStreams,
} from "../tests/support/floods";

interface Attack {
    readonly what: string;
    /** At once; the sidecar of the smallest task takes 1,000. */
    readonly connections: number;
    readonly flood: Flood;
    readonly again: "when it is closed" | "at once";
    /** New connections a second at most. */
    readonly perSecond: number;
}

const most = 980;
const asTheyClose = { connections: most, again: "when it is closed", perSecond: 500 } as const;
const asFastAsCan = { connections: 50, again: "at once", perSecond: 10_000 } as const;

export const abuses = {
    unreadStreams: {
        what: "open 32 HTTP/2 streams each for 1 MiB, 160 a second, and read nothing",
        flood: unreadStreams(32, "/large"),
        ...asTheyClose,
        perSecond: 5,
    },
    unreadStreamsAtOnce: {
        what: "open 100 each, as many as they can",
        flood: unreadStreams(100, "/large"),
        ...asTheyClose,
    },
    resetStreams: { what: "open and reset 1,000 HTTP/2 streams each", flood: resetStreams(1_000), ...asTheyClose },
    slowReaders: { what: "ask for 1 MiB each, and read nothing", flood: unreadAnswer("/large"), ...asTheyClose },
    slowReadersOfMore: {
        what: "ask for 16 MiB each, and read nothing", // the kernel takes some megabytes for a connection
        flood: unreadAnswer("/huge"),
        ...asTheyClose,
    },
    slowWriters: { what: "send a byte of a body each second", flood: drippedBody(1_000), ...asTheyClose },
    unreadBodies: { what: "send 1 MiB each to an app that reads nothing", flood: unreadBody(2 ** 20), ...asTheyClose },
    endlessHeaders: { what: "send 59 kB of headers that do not end", flood: endlessHeaders(59_000), ...asTheyClose },
    indexedHeaders: {
        what: "send 100 streams each whose headers HPACK makes 3,000 times as large",
        flood: indexedHeaders(100, 4_000),
        ...asTheyClose,
    },
    churn: { what: "connect, ask once and go", flood: servedOnce("/"), ...asFastAsCan },
    handshakes: { what: "shake hands and go", flood: handshake, ...asFastAsCan },
} as const satisfies Readonly<Record<string, Attack>>;
export type Abuse = keyof typeof abuses;
