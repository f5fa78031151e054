sort {{upstream.get}} > sorted.txt
