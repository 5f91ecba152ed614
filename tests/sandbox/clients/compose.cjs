// Sends job.json with product.jpg and scene.jpg through the official SDK, as Prodia's
// guide does. Found in the environment: PRODIA_TOKEN, PRODIA_BASE_URL (ends in /v2),
// SEND_AS (File, Blob or Uint8Array) and ACCEPT (a format; optional).
const fs = require("node:fs/promises");
const { createProdia } = require("prodia/v2");

const prodia = createProdia({
  token: process.env.PRODIA_TOKEN,
  baseUrl: process.env.PRODIA_BASE_URL,
});

async function input(name) {
  const data = await fs.readFile(name);
  switch (process.env.SEND_AS) {
    case "Blob":
      return new Blob([data], { type: "image/jpeg" });
    case "Uint8Array":
      return new Uint8Array(data);
    default:
      return new File([data], name, { type: "image/jpeg" });
  }
}

async function main() {
  const inputs = [await input("product.jpg"), await input("scene.jpg")];
  const params = JSON.parse(await fs.readFile("job.json", "utf8"));
  const result = await prodia.job(params, { inputs, accept: process.env.ACCEPT });
  await fs.writeFile("composed.jpg", await result.uint8Array());
  console.log(JSON.stringify(result.job));
}

main().catch((error) => {
  console.log(`${error.constructor.name}: ${error.message}`);
  process.exitCode = 1;
});
