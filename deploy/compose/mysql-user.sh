# MariaDB's image sources this once, when it makes its data folder: the user of Hongbao, for its schemas alone.
docker_process_sql <<SQL
CREATE USER 'hongbao'@'%' IDENTIFIED BY '$(cat /run/secrets/mysql.password)';
GRANT ALL PRIVILEGES ON \`hongbao\\_s%\`.* TO 'hongbao'@'%';
GRANT REPLICATION SLAVE, BINLOG MONITOR, PROCESS, RELOAD ON *.* TO 'hongbao'@'%'; -- to move shards, and for backups
SQL
