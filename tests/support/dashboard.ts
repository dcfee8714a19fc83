import type { Registered } from "./mocks";

/** A dashboard as it is sent, its body read. */
export interface SentDashboard {
    readonly dashboardName: string;
    readonly dashboardBody: {
        readonly widgets: readonly {
            readonly x: number;
            readonly y: number;
            readonly width: number;
            readonly height: number;
            readonly properties: { readonly title: string; readonly region: string; readonly metrics: unknown[][] };
        }[];
    };
}

export const sentDashboard = ({ inputs }: Registered): SentDashboard => inputs as unknown as SentDashboard;

export const titlesOf = ({ dashboardBody: { widgets } }: SentDashboard): string[] =>
    widgets.map(({ properties }) => properties.title);

export const metricsOf = ({ dashboardBody: { widgets } }: SentDashboard): unknown[][] =>
    widgets.flatMap(({ properties }) => properties.metrics);
