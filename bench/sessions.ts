// What it takes to answer all who open sessions at once: ours beside the usual launcher.
import { callers, keys, measure, type Opening, ways } from "../tests/support/openings";
import { printTable, spread } from "./table";

export async function sessions(): Promise<void> {
    const rows: string[][] = [];
    for (const way of ways) {
        const { answered, tasks, throttled, peaks, openings } = await measure(way);
        const parts = (of: (opening: Opening) => number | undefined): string => {
            const values = openings.flatMap((opening) => of(opening) ?? []).map((milliseconds) => milliseconds / 1_000);
            return values.length === 0 ? "" : spread(values, 1);
        };
        rows.push([
            way.name,
            ...[answered, tasks, throttled, peaks.RunTask, peaks.DescribeTasks ?? 0, peaks.DynamoDB ?? 0].map(String),
            parts(({ runs }) => runs),
            parts(({ named }) => named),
            parts(({ answered: at }) => at),
        ]);
    }
    printTable(
        [
            ...["", "answered", "tasks", "throttled", "RunTask/s", "DescribeTasks/s", "DynamoDB/s"],
            ...["runs after s", "named after s", "answered after s"],
        ],
        rows,
    );
    console.log(
        `\n${callers} callers of ${keys} keys within a tenth of a second, who ask again every two seconds; requests in the busiest second. Limits of ECS: 100 requests of a kind, and` +
            "\n20 more each second. A task runs 16 to 47 s after it was asked for, as three recorded ones did; its name is there 4 s after, and handed out 5 s later. Answered: its caller" +
            "\nknows where to go. The usual launcher names no task: its caller is answered with an address as soon as it runs.",
    );
}
