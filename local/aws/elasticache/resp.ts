// The protocol of Valkey (https://valkey.io/topics/protocol/), as far as a connection's beginning needs it.

/** A command as clients send it: an array of bulk strings. */
export function command(...words: readonly string[]): string {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    return `*${words.length}\r\n${parts.join("")}`;
}

export interface Parsed {
    readonly words: readonly string[];
    /** What came after it. */
    readonly rest: Buffer;
}

/** The first command; undefined while it has not come whole. @throws for what is none */
export function firstCommand(buffer: Buffer): Parsed | undefined {
    let at = 0;
    function line(mark: string): number | undefined {
        const end = buffer.indexOf("\r\n", at);
        const text = buffer.subarray(at, end < 0 ? undefined : end).toString("latin1");
        if ((text !== "" && !text.startsWith(mark)) || text.length > 16) {
            throw new Error(`Protocol error: expected '${mark}'`);
        }
        at = end + 2;
        return end < 0 ? undefined : Number(text.slice(1));
    }
    const count = line("*");
    const words: string[] = [];
    for (let i = 0; i < (count ?? 0); i++) {
        const length = line("$");
        if (length === undefined || buffer.length < at + length + 2) {
            return undefined;
        }
        words.push(buffer.subarray(at, at + length).toString());
        at += length + 2;
    }
    return count === undefined ? undefined : { words, rest: buffer.subarray(at) };
}
