/** Prints rows under a heading, numbers to the right. */
export function printTable(heading: readonly string[], rows: readonly (readonly string[])[]): void {
    const widths = heading.map((_, column) => Math.max(...[heading, ...rows].map((row) => row[column].length)));
    const line = (row: readonly string[]): string =>
        row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join("  ");
    console.log([line(heading), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)].join("\n"));
}

export function median(values: readonly number[]): number {
    const sorted = [...values].sort((one, other) => one - other);
    const middle = Math.floor(sorted.length / 2);
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** `median (least–most)` */
export function spread(values: readonly number[], digits = 0): string {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return `${median(values).toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

/** The value below which a share of all is; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
    const sorted = [...values].sort((one, other) => one - other);
    return sorted[Math.ceil(sorted.length * share) - 1] ?? NaN;
}
