// A real Chromium, from a package: what a person at a page sees and does.
import { existsSync } from "node:fs";

import { type Browser, chromium as playwright } from "playwright-core";

/** Headless, and without a word to anybody but the page it is shown. */
export async function startBrowser(): Promise<Browser> {
    const { default: chromium } = (await import("@sparticuz/chromium")) as {
        default: { executablePath(): Promise<string> };
    };
    const executablePath = process.env.CHROME_PATH ?? (await chromium.executablePath());
    if (!existsSync(executablePath)) {
        throw new Error(`There is no browser at ${executablePath}: set CHROME_PATH to a Chrome or Chromium.`);
    }
    return playwright.launch({ executablePath, args: ["--no-sandbox", "--disable-background-networking"] });
}
