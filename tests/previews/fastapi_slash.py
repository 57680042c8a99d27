"""A path that FastAPI completes with a slash by a redirect to a whole address, which it makes of Host and, where its
server believes a proxy, of X-Forwarded-Proto."""

from fastapi import FastAPI, Request

app = FastAPI()


@app.get("/items/")
def items(request: Request):
    return {"url": str(request.url), "client": request.client.host}
