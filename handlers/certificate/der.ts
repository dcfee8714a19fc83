// Just enough of ASN.1's distinguished encoding rules (X.690) to read a certificate's extensions.

export interface Element {
    readonly tag: number;
    readonly content: Buffer;
}

/** The elements that stand in a row in these bytes. */
export function elements(bytes: Buffer): Element[] {
    const found: Element[] = [];
    for (let at = 0; at < bytes.length;) {
        const first = bytes[at + 1];
        const long = first > 0x80 ? first - 0x80 : 0;
        const start = at + 2 + long;
        const length = long > 0 ? bytes.readUIntBE(at + 2, long) : first;
        found.push({ tag: bytes[at], content: bytes.subarray(start, start + length) });
        at = start + length;
    }
    return found;
}
