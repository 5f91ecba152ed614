# Sends job.json with product.jpg and scene.jpg through curl, as Prodia's guide does.
# Found in the environment: PRODIA_TOKEN, PRODIA_BASE_URL (ends in /v2), ACCEPT.
# Arguments are further options of curl.
set -euo pipefail

curl -sS --retry 3 --max-time 30 \
  -H "Authorization: Bearer $PRODIA_TOKEN" \
  -H "Accept: ${ACCEPT:-image/jpeg}" \
  -F "job=@job.json;type=application/json" \
  -F "input=@product.jpg" \
  -F "input=@scene.jpg" \
  --output composed.jpg \
  --write-out '%{http_code}\n' \
  "$@" \
  "$PRODIA_BASE_URL/job"
