// Just enough of ASN.1's distinguished encoding rules (X.690) to write a certificate request and to read a certificate's extensions.

export interface Element {
    readonly tag: number;
    readonly content: Buffer;
}

export const INTEGER = 0x02;
export const SEQUENCE = 0x30;

/** An element of this tag that holds these parts, one after the other. */
export function der(tag: number, ...parts: readonly Buffer[]): Buffer {
    const content = Buffer.concat(parts);
    const size = content.length.toString(16);
    const bytes = Buffer.from(size.length % 2 === 0 ? size : `0${size}`, "hex");
    const length = content.length < 0x80 ? bytes : Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
    return Buffer.concat([Buffer.from([tag]), length, content]);
}

/** An object identifier, written with dots. */
export function objectIdentifier(dotted: string): Buffer {
    const [first, second, ...rest] = dotted.split(".").map(Number);
    const bytes = [40 * first + second, ...rest].flatMap((arc) => {
        const digits = [arc & 0x7f];
        for (let left = arc >>> 7; left > 0; left >>>= 7) {
            digits.unshift(0x80 | (left & 0x7f));
        }
        return digits;
    });
    return der(0x06, Buffer.from(bytes));
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
