// What names cost: the way that is known beside ours, under AWS's own limits.
import { burst, measure, type Measured, steady, ways } from "../tests/support/taskDns/ways";
import { printTable } from "./table";

export async function dns(): Promise<void> {
    const rows: string[][] = [];
    for (const count of [100, 1_000, 5_000]) {
        for (const way of ways) {
            rows.push([`${count} at once: ${way.name}`, ...cells(await measure(way, burst(count)))]);
        }
    }
    for (const lives of [10, 20, 30, 40, 48]) {
        for (const way of ways) {
            rows.push([`${lives} lives/s: ${way.name}`, ...cells(await measure(way, steady(lives)))]);
        }
    }
    printTable(
        [
            "",
            "named",
            "lost",
            "median s",
            "p99 s",
            "last s",
            "gone",
            "left",
            "older than address",
            "requests",
            "refused",
            "as invalid",
        ],
        rows,
    );
    console.log(
        "\nSeconds from RUNNING to the acceptance by Route 53. Left: records of tasks that are gone, at the end. Older than address: records that stood after" +
            " the address was another's to have.\nLimits: 50 requests + 10/s, 1500 changes + 100/s, one change of a zone at a time; ECS reports a stop in five events.",
    );
}

function cells(measured: Measured): string[] {
    const { median, p99, last } = measured;
    const row = { ...measured, median: median.toFixed(1), p99: p99.toFixed(1), last: last.toFixed(1) };
    return Object.values(row).map(String);
}
