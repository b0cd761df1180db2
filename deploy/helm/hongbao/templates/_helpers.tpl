{{- define "hongbao.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "hongbao.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "hongbao.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "hongbao.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The labels by which pods are selected. Call with (list $ part). */}}
{{- define "hongbao.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "hongbao.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "hongbao.labels" -}}
{{- $root := index . 0 -}}
{{ include "hongbao.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "hongbao.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "hongbao.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "hongbao.fullname" .) -}}
{{- end -}}

{{/* The file of settings: what the values say, and what the chart decides. */}}
{{- define "hongbao.config" -}}
{{- $name := include "hongbao.fullname" . -}}
{{- $dir := "/etc/hongbao" -}}
{{- $rpc := dict "rpc" "0.0.0.0:8888" "metrics" "0.0.0.0:9100" -}}
{{- $gateway := dict "http" "0.0.0.0:8080" "rpc" (list (printf "%s-rpc:8888" $name)) -}}
{{- $work := dict "metrics" "0.0.0.0:9100" -}}
{{- $all := dict
  "redis" (list (printf "file:%s/stores/redis" $dir))
  "mysql" (list (printf "file:%s/stores/mysql" $dir))
  "token-key" (list (printf "%s/tokens/token.pub" $dir)) -}}
{{- if .Values.tokens.merchants -}}
{{- $_ := set $all "merchant-token-key" (list (printf "%s/tokens/merchant.pub" $dir)) -}}
{{- $_ := set $rpc "merchant-key" (printf "%s/tokens/merchant.key" $dir) -}}
{{- range list $rpc $work -}}
{{- $_ := set . "secret-keys" (printf "%s/tokens/secret.keys" $dir) -}}
{{- end -}}
{{- end -}}
{{- if .Values.funding.url -}}
{{- $_ := set $all "funding-url" .Values.funding.url -}}
{{- $_ := set $all "funding-secret-file" (printf "%s/funding/secrets" $dir) -}}
{{- end -}}
{{- $_ := set $all "rpc" $rpc -}}
{{- $_ := set $all "gateway" $gateway -}}
{{- $_ := set $all "work" $work -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $all) -}}
{{- end -}}

{{- define "hongbao.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "hongbao.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Volumes of every pod. Call with (list $ name-of-configmap). */}}
{{- define "hongbao.volumes" -}}
{{- $root := index . 0 -}}
- name: config
  configMap: {name: {{ index . 1 }}}
- name: stores
  secret: {secretName: {{ $root.Values.stores.existingSecret }}, defaultMode: 0440}
- name: tokens
  secret: {secretName: {{ $root.Values.tokens.existingSecret }}, defaultMode: 0440}
{{- if $root.Values.funding.url }}
- name: funding
  secret:
    secretName: {{ required "funding.url needs funding.existingSecret" $root.Values.funding.existingSecret }}
    defaultMode: 0440
{{- end }}
{{- end -}}

{{- define "hongbao.mounts" -}}
- {name: config, mountPath: /etc/hongbao/config, readOnly: true}
- {name: stores, mountPath: /etc/hongbao/stores, readOnly: true}
- {name: tokens, mountPath: /etc/hongbao/tokens, readOnly: true}
{{- if .Values.funding.url }}
- {name: funding, mountPath: /etc/hongbao/funding, readOnly: true}
{{- end }}
{{- end -}}

{{/*
The pod of a part. Call with (list $ part). The part's values are .Values.<part>. A part is ready as soon as it runs,
and does not start before its servers answer: were it ready only while they do, one MySQL server that is down would take
all pods out of service, although only its shards are affected.
*/}}
{{- define "hongbao.pod" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
{{- $values := index $root.Values $part -}}
metadata:
  labels: {{- include "hongbao.labels" (list $root $part) | nindent 4 }}
  annotations:
    checksum/config: {{ include "hongbao.config" $root | sha256sum }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "hongbao.serviceAccount" $root }}
  automountServiceAccountToken: false
  # A Service called hongbao would otherwise make variables that look like settings.
  enableServiceLinks: false
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
  securityContext: {{- include "hongbao.podSecurity" $root | nindent 4 }}
  containers:
    - name: {{ $part }}
      image: {{ include "hongbao.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [--config, /etc/hongbao/config/hongbao.yaml, {{ $part }}]
      ports:
        {{- if eq $part "gateway" }}
        - {name: http, containerPort: 8080}
        {{- else }}
        {{- if eq $part "rpc" }}
        - {name: rpc, containerPort: 8888}
        {{- end }}
        - {name: metrics, containerPort: 9100}
        {{- end }}
      {{- $health := ternary "http" "metrics" (eq $part "gateway") }}
      startupProbe:
        httpGet: {path: /readyz, port: {{ $health }}}
        periodSeconds: 2
        timeoutSeconds: 3
        failureThreshold: 90
      readinessProbe:
        httpGet: {path: /healthz, port: {{ $health }}}
        periodSeconds: 5
        timeoutSeconds: 2
      livenessProbe:
        httpGet: {path: /healthz, port: {{ $health }}}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      {{- if gt (int $values.drainSeconds) 0 }}
      # Others learn meanwhile that this pod is about to end. Then it gets its signal, and finishes what it has.
      lifecycle: {preStop: {sleep: {seconds: {{ $values.drainSeconds }}}}}
      {{- end }}
      securityContext: {{- include "hongbao.containerSecurity" $root | nindent 8 }}
      resources: {{- toYaml $values.resources | nindent 8 }}
      volumeMounts: {{- include "hongbao.mounts" $root | nindent 8 }}
  volumes: {{- include "hongbao.volumes" (list $root (include "hongbao.fullname" $root)) | nindent 4 }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "hongbao.selector" (list $root $part) | nindent 10 }}
  {{- with $values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
