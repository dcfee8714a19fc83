// How large each Lambda function's archive is, zipped, and what it holds.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";

import * as pulumi from "@pulumi/pulumi";
import { ZipFile } from "yazl";

import { archive } from "../components/internal/functions/callback";
import { importCertificate } from "../handlers/importCertificate";
import { redeployService } from "../handlers/redeployService";
import { renewCertificate } from "../handlers/renewCertificate";
import { syncTaskDns } from "../handlers/syncTaskDns";

const limits = {
    syncTaskDns: 100_000,
    renewCertificate: 2_500_000,
    redeployService: 100_000,
    importCertificate: 100_000,
};

export async function archives(): Promise<void> {
    const functions = {
        syncTaskDns: archive(syncTaskDns, []),
        renewCertificate: archive(renewCertificate, ["acme-client"]),
        redeployService: archive(redeployService, []),
        importCertificate: archive(importCertificate, []),
    };
    for (const [name, made] of Object.entries(functions)) {
        const assets = await (made.assets as Promise<Record<string, pulumi.asset.Asset | pulumi.asset.Archive>>);
        const size = await zippedBytes(assets);
        const limit = limits[name as keyof typeof limits];
        console.log(
            `${name.padEnd(18)} ${(size / 1000).toFixed(1).padStart(8)} kB of at most ${limit / 1000} kB, ` +
                `${Object.keys(assets).length - 1} packages`,
        );
    }
}

async function zippedBytes(assets: Record<string, pulumi.asset.Asset | pulumi.asset.Archive>): Promise<number> {
    const zip = new ZipFile();
    for (const [place, asset] of Object.entries(assets)) {
        if (asset instanceof pulumi.asset.StringAsset) {
            zip.addBuffer(Buffer.from(await asset.text), place);
        } else if (asset instanceof pulumi.asset.FileArchive) {
            const folder = await asset.path;
            for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
                if (entry.isFile()) {
                    const file = join(entry.parentPath, entry.name);
                    zip.addBuffer(readFileSync(file), `${place}${file.slice(folder.length)}`);
                }
            }
        }
    }
    zip.end();
    return (await buffer(zip.outputStream)).length;
}
