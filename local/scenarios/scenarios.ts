import { loadBalancedLife, loadBalancedShapes } from "./loadBalanced";
import type { LoadBalancedReport, LoadBalancedShape } from "./loadBalanced";

export type Scenario = LoadBalancedShape;

/** The lives of the classic shapes, by the word that `npm start -- --scenario` takes. */
export const scenarios = Object.fromEntries(
    loadBalancedShapes.map((shape) => [
        shape,
        (report: LoadBalancedReport, name: string) => loadBalancedLife(shape, report, name),
    ]),
) as Readonly<Record<Scenario, (report: object, name: string) => Promise<void>>>;
